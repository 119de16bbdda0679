"""Metrics from a Parquet of attributed signals: the project's models against a query by hand, and a day's increment."""

import argparse
import gc
import os
import resource
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from bench.cost import Cost
from bench.metrics_data import History, write_signals
from bench.metrics_reference import days, metrics

PROJECT = Path(__file__).parent / "metrics_project"
ROOT = Path(__file__).parents[1]
OWN_MODELS = ("activity/account_days", "activity/account_first_days", "features/account_signal_metrics")

STAND_INS = "signals settings account_signals as_of_dates"
MONTHS = tuple(
    f"{2025 + (month + 10) // 12}-{(month + 10) % 12 + 1:02d}-01" for month in range(8)
)  # 2025-11 to 2026-06
YESTERDAY, TODAY = "2026-06-30", "2026-07-01"


@dataclass(frozen=True)
class Measured:
    """Of one history: what the rebuild, a day's increment and the query by hand cost, and what came out."""

    rebuild: Cost
    increment: Cost
    by_hand: Cost | None
    equal: bool | None
    rows: int
    peak_gib: float


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=1_000_000, help="attributed signals (default: %(default)s)")
    parser.add_argument(
        "--flat-events",
        type=int,
        default=1_000_000,
        help="signals of ten years, against a tenth of them in one year (default: %(default)s; 0: leave that out)",
    )
    parser.add_argument(
        "--folder", type=Path, help="where files are written and signals found again (default: temporary)"
    )


def run(options: argparse.Namespace) -> None:
    """Measures one year of signals against the query by hand, and increments on one year and on ten."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        measured = measure(folder, History(options.events), by_hand=True)
        if measured.by_hand is None:
            raise RuntimeError("the query by hand was not run")
        lines = [f"rebuild {measured.rebuild.of(measured.by_hand)} times the query by hand"]
        lines.append(f"increment {measured.increment.of(measured.rebuild)} of the rebuild")
        line = (
            f"metrics rebuild ratio={measured.rebuild.clock / measured.by_hand.clock:.2f} "
            f"increment={measured.increment.clock / measured.rebuild.clock:.1%}"
        )
        if options.flat_events:
            one = measure(folder, History(options.flat_events // 10), by_hand=False)
            ten = measure(folder, History(options.flat_events, years=10), by_hand=False)
            lines.append(f"increment on ten years {ten.increment.of(one.increment)} times that on one")
            line += f" flat={ten.increment.clock / one.increment.clock:.2f}"
    print("\n".join(lines))
    print(
        f"{line} events={options.events} rows={measured.rows} peak={measured.peak_gib:.1f}GiB "
        f"equal={'yes' if measured.equal else 'no'}"
    )


def measure(folder: Path, history: History, *, by_hand: bool) -> Measured:
    """One history: rebuild up to yesterday, add a day, and compare with the query by hand as of today."""
    signals = ensure_signals(folder, history)
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    warehouse = work / "metrics.duckdb"
    run_models(warehouse, signals, YESTERDAY, STAND_INS)  # parses for the first time
    start_up = run_models(warehouse, signals, YESTERDAY, STAND_INS)
    print(f"  {history.events:,} signals in {history.years} years, load {os.getloadavg()[0]:.1f}", flush=True)
    rebuild = run_models(warehouse, signals, YESTERDAY).without(start_up)
    print(f"    rebuild {rebuild}", flush=True)
    increment = run_models(warehouse, signals, TODAY).without(start_up)
    print(f"    increment {increment}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cost, equal = by_hand_compared(warehouse, signals) if by_hand else (None, None)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        (rows,) = connection.execute("select count(*) from account_signal_metrics").fetchall()[0]
    if by_hand:
        print(f"    by hand {cost}; {rows:,} rows, equal: {equal}, peak {peak:.1f} GiB", flush=True)
    shutil.rmtree(work)
    return Measured(rebuild, increment, cost, equal, rows, peak)


def ensure_signals(folder: Path, history: History) -> Path:
    """The Parquet of a history, simulated in a process of its own so that its memory is not counted."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"signals_{history.events}_{history.years}.parquet"
    if not path.exists():
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
            pool.submit(write_signals, path, history).result()
    return path


def run_models(warehouse: Path, signals: Path, until: str, select: str = "*") -> Cost:
    """Builds the models on what is known before a date, scored as of it: one dbt invocation, start-up and all."""
    os.environ |= {
        "BENCHMARK_WAREHOUSE": str(warehouse),
        "BENCHMARK_SIGNALS": str(signals),
        "BENCHMARK_UNTIL": until,
        "BENCHMARK_DATES": ",".join((*MONTHS, until)),
        "BENCHMARK_SEEDS": str(ROOT / "seeds"),
        "BENCHMARK_MACROS": str(ROOT / "macros"),
        "DO_NOT_TRACK": "1",
    }
    project = str(project_with_own_models(warehouse.parent))
    folders = ["--project-dir", project, "--profiles-dir", project]
    outputs = ["--target-path", str(warehouse.parent / "target"), "--log-path", str(warehouse.parent / "logs")]
    clock, processor = time.perf_counter(), time.process_time()
    result = dbtRunner().invoke(["--quiet", "run", "--select", *select.split(), *folders, *outputs])
    DuckDBConnectionManager.close_all_connections()
    gc.collect()
    cost = Cost(time.perf_counter() - clock, time.process_time() - processor)
    if not result.success:
        messages = [node.message for node in result.result if node.status == "error"] if result.result else []  # type: ignore[union-attr]
        raise RuntimeError(f"dbt could not build the metrics: {result.exception or messages}")
    return cost


def project_with_own_models(folder: Path) -> Path:
    """A copy of the little project with the real models in it; what comes before them has stand-ins there."""
    project = folder / "project"
    if not project.exists():
        shutil.copytree(PROJECT, project)
        for model in OWN_MODELS:
            for kind in ("sql", "yml"):
                shutil.copy(ROOT / "models" / f"{model}.{kind}", project / "models")
        shutil.copy(ROOT / "models" / "_columns.md", project / "models")
    return project


def by_hand_compared(warehouse: Path, signals: Path) -> tuple[Cost, bool]:
    """What the query by hand costs, and whether every cell of ours is its."""
    with duckdb.connect(str(warehouse.with_name("by_hand.duckdb"))) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"set memory_limit = '7GiB'; set temp_directory = '{warehouse.parent / 'spilled'}'")
        connection.execute(f"attach '{warehouse}' as ours (read_only)")
        connection.execute("create table signals as select * from ours.signals")
        clock, processor = time.perf_counter(), time.process_time()
        connection.execute(f"create temp table days as {days(str(signals), TODAY)}")
        for number, date in enumerate((*MONTHS, TODAY)):
            connection.execute(f"{'insert into by_hand' if number else 'create table by_hand as'} {metrics(date)}")
        cost = Cost(time.perf_counter() - clock, time.process_time() - processor)
        connection.execute("drop table days")
        return cost, same_cells(connection)


def same_cells(connection: duckdb.DuckDBPyConnection) -> bool:
    """Doubles may differ by 1e-9, since the two add in another order; all else is equal."""
    columns = connection.execute("describe by_hand").fetchall()
    keys = ("account_id", "as_of_date", "signal")
    differs = " or ".join(
        f"ours.{name} is distinct from by_hand.{name}"
        + (
            f" and coalesce(abs(ours.{name} - by_hand.{name}) > 1e-9 * greatest(1, abs(by_hand.{name})), true)"
            if kind == "DOUBLE"
            else ""
        )
        for name, kind, *_ in columns
        if name not in keys
    )
    for date, *_ in connection.execute("select distinct as_of_date from by_hand").fetchall():
        differing = connection.execute(
            f"""
            select count(*)
            from (select * from ours.account_signal_metrics where as_of_date = $date) as ours
            full join (select * from by_hand where as_of_date = $date) as by_hand using ({", ".join(keys)})
            where {differs}
            """,
            {"date": date},
        ).fetchall()[0][0]
        if differing:
            print(f"    {differing:,} rows differ as of {date}")
            return False
    sizes = connection.execute(
        "select (select count(*) from by_hand), (select count(*) from ours.account_signal_metrics)"
    ).fetchall()[0]
    return sizes[0] == sizes[1]
