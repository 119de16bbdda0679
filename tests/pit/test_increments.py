"""Tables that keep their rows equal tables made anew, whatever happened between runs, and whichever run stopped."""

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pytest
from comparison import summary, two_builds
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg
from truncation import truncate

PROJECT = Path(__file__).parent / "storage_project"
ROOT = Path(__file__).resolve().parents[2]
MODELS = ("activity/account_days", "activity/account_first_days", "features/account_signal_metrics")
TABLES = tuple(model.rsplit("/", 1)[1] for model in MODELS)
SIGNALS = "signal,daily_cap,half_life_days\nsigned_in,2,14\nexported,,\ninvited,3,30\n"
START = datetime(2025, 9, 20)  # noqa: DTZ001 - the warehouse keeps UTC without a zone
IN_FULL = os.environ.get("PQL_TEST_FULL") == "1"
SEQUENCES = 40 if IN_FULL else 3
RUNS = 6
END = "2026-07-01"  # of the simulated year


@dataclass
class World:
    """A warehouse of its own, the days that have passed in it, and what dbt has said about it."""

    project: Path
    draw: random.Random
    today: datetime = START
    facts: int = 0
    recent: list[tuple[str, str | None, str, datetime]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    manifest: Manifest | None = None

    @property
    def warehouse(self) -> Path:
        return self.project / "storage.duckdb"

    def execute(self, query: str, *parameters: object) -> list[tuple]:
        with duckdb.connect(str(self.warehouse)) as connection:
            return connection.execute(query, parameters).fetchall()

    def build(self, *arguments: str, warehouse: Path | None = None) -> None:
        os.environ |= {
            "STORAGE_WAREHOUSE": str(warehouse or self.warehouse),
            "STORAGE_MACROS": str(ROOT / "macros"),
            "DO_NOT_TRACK": "1",
        }
        folders = ["--project-dir", str(self.project), "--profiles-dir", str(self.project)]
        outputs = ["--target-path", str(self.project / "target"), "--log-path", str(self.project / "logs")]
        if self.manifest is None:
            self.manifest = dbtRunner().invoke(["--quiet", "parse", *folders, *outputs]).result
        command = ["--quiet", "build", "--exclude-resource-type", "unit_test", "test"]
        result = dbtRunner(self.manifest, [self.listen]).invoke([*command, *arguments, *folders, *outputs])
        DuckDBConnectionManager.close_all_connections()
        assert result.success, [node.message for node in result.result if node.status == "error"]

    def listen(self, event: EventMsg) -> None:
        """Keeps what materializations say."""
        if event.info.name == "JinjaLogInfo":
            self.said.append(event.info.msg)


@pytest.fixture
def new_world(tmp_path: Path) -> Callable[[int], World]:
    def make(seed: int) -> World:
        project = tmp_path / f"world_{seed}"
        shutil.copytree(PROJECT, project)
        for model in MODELS:
            for kind in ("sql", "yml"):
                shutil.copy(ROOT / "models" / f"{model}.{kind}", project / "models")
        shutil.copy(ROOT / "models" / "_columns.md", project / "models")
        (project / "seeds" / "signals.csv").write_text(SIGNALS, encoding="utf-8")
        (project / "seeds" / "settings.csv").write_text("setting,value\nhistory_days,365\n", encoding="utf-8")
        world = World(project, random.Random(seed))  # noqa: S311 - no secret
        world.execute("create schema raw")
        world.execute(
            "create table raw.facts (fact bigint, account_id varchar, person_id varchar, signal varchar, "
            "occurred_at timestamp, available_at timestamp, amount double)"
        )
        world.execute("create table raw.as_of_dates (as_of_date date)")
        return world

    return make


def days_pass(world: World, days: int) -> None:
    """Facts of the next days come in any order: at once, up to a week late, or weeks late by a link that comes late."""
    draw = world.draw
    rows = []
    for _ in range(draw.randint(4, 12) * days):
        available = world.today + timedelta(seconds=draw.randrange(days * 86_400))
        lateness = draw.choice([timedelta(0), timedelta(hours=draw.random() * 168), timedelta(days=draw.random() * 80)])
        who = (
            f"acc_{draw.randint(1, 8)}",
            draw.choice([None, "per_1", "per_2", "per_3"]),
            draw.choice(["signed_in", "exported", "invited"]),
            available - lateness * (draw.random() < 0.4),
        )
        # Often one more of what somebody had done before, so that what came earlier decides what the cap leaves.
        if world.recent and draw.random() < 0.5:
            who = draw.choice(world.recent[-12:])
        world.recent.append(who)
        world.facts += 1
        rows.append((world.facts, *who, max(available, who[3]), draw.choice([None, round(draw.random() * 100, 2)])))
    draw.shuffle(rows)
    with duckdb.connect(str(world.warehouse)) as connection:
        connection.executemany("insert into raw.facts values (?, ?, ?, ?, ?, ?, ?)", rows)
    world.today += timedelta(days=days)
    set_dates(world)


def set_dates(world: World) -> None:
    """Every tenth day so far, less one now and then that nobody asks for any more, and the day to be scored."""
    (last,) = world.execute("select max(available_at) from raw.facts")[0]
    scored = last.date() + timedelta(days=1)
    past = [START.date() + timedelta(days=10 * step) for step in range(1, 40)]
    dates = {day for day in past if day < scored and world.draw.random() < 0.9} | {scored}
    world.execute("delete from raw.as_of_dates")
    world.execute("insert into raw.as_of_dates select unnest(cast($1 as date[]))", [day.isoformat() for day in dates])


def a_fact_comes_with_an_old_date(world: World) -> None:
    world.execute(
        "insert into raw.facts "
        "select -fact, account_id, person_id, signal, occurred_at - interval 1 day, available_at, 7 from raw.facts "
        " where available_at < $1 order by hash(fact + $2) limit 2",
        world.today - timedelta(days=15), world.draw.randrange(1000),
    )  # fmt: skip


def a_fact_vanishes(world: World) -> None:
    world.execute(
        "delete from raw.facts where fact in (select fact from raw.facts order by hash(fact + $1) limit 1)",
        world.draw.randrange(1000),
    )


def an_amount_changes(world: World) -> None:
    world.execute("update raw.facts set amount = 3.5 where fact = (select min(fact) from raw.facts)")


def people_are_merged(world: World) -> None:
    account = f"acc_{world.draw.randint(1, 8)}"
    world.execute("update raw.facts set person_id = 'per_1' where person_id = 'per_2' and account_id = $1", account)


def accounts_are_merged(world: World) -> None:
    one, other = world.draw.sample(range(1, 9), 2)
    world.execute("update raw.facts set account_id = $1 where account_id = $2", f"acc_{one}", f"acc_{other}")


def an_account_is_split(world: World) -> None:
    account = f"acc_{world.draw.randint(1, 8)}"
    world.execute("update raw.facts set account_id = 'acc_new' where account_id = $1 and person_id = 'per_3'", account)


def everybody_moves(world: World) -> None:
    world.execute("update raw.facts set account_id = account_id || 'x' where account_id not like '%x'")


def a_cap_changes(world: World) -> None:
    cap = world.draw.choice([1, 3, 4, 5])
    changed = SIGNALS.replace("signed_in,2", f"signed_in,{cap}")
    (world.project / "seeds" / "signals.csv").write_text(changed, encoding="utf-8")


def a_run_stops_after_days(world: World) -> None:
    world.build("--select", "signals", "settings", "account_signals", "as_of_dates", "account_days")


def a_run_stops_before_metrics(world: World) -> None:
    world.build("--exclude", "account_signal_metrics")


def nothing_happens(_: World) -> None:
    """Nothing does."""


BETWEEN_RUNS = (
    a_fact_comes_with_an_old_date, a_fact_vanishes, an_amount_changes, people_are_merged, accounts_are_merged,
    an_account_is_split, everybody_moves, a_cap_changes, a_run_stops_after_days, a_run_stops_before_metrics,
    nothing_happens,
)  # fmt: skip


def differences_from_new_tables(world: World) -> list[str]:
    """Every row that the kept tables hold and new ones do not, or the other way round."""
    anew = world.project / "anew" / world.warehouse.name  # dbt knows a warehouse by its file's name
    anew.parent.mkdir(exist_ok=True)
    shutil.copy(world.warehouse, anew)
    world.build("--full-refresh", warehouse=anew)
    found: list[str] = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{world.warehouse}' as kept (read_only)")
        connection.execute(f"attach '{anew}' as anew (read_only)")
        for table in TABLES:
            for one, other in (("kept", "anew"), ("anew", "kept")):
                found += [
                    f"{table}, only {one}: {row}"
                    for row in connection.execute(
                        f"from {one}.{table} except all from {other}.{table} order by all"
                    ).fetchall()
                ]
    return found


@pytest.mark.slow
def test_O5_a_company_that_goes_on_is_what_it_is_when_built_at_once(
    full_build: Path, built_copy: Callable[..., Path], build_features: Callable[..., None]
) -> None:
    """Through the whole pipeline: what became known in three months is added, with every merge, link and late event."""
    home = built_copy("going_on", "2026-04-01", partial(truncate, date="2026-04-01"))
    with duckdb.connect(str(home / "pql.duckdb")) as connection:
        connection.execute(f"attach '{full_build / 'pql.duckdb'}' as whole (read_only)")
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'whole' "
            "and schema_name in ('segment', 'salesforce', 'marketing', 'enrichment', 'billing')"
        ).fetchall():
            connection.execute(f'create or replace table {schema}."{table}" as from whole.{schema}."{table}"')
    build_features(home, END, DBT_LOG_LEVEL_FILE="debug")
    log = (home / "logs" / "dbt.log").read_text(encoding="utf-8")
    assert "account_days: kept up to 2026-03-31" in log
    assert "as-of dates kept; " in log
    with two_builds(full_build, home) as connection:
        for table, rows in (("activity.account_days", 20_000), ("features.account_signal_metrics", 50_000)):
            (compared,) = connection.execute(f"select count(*) from one.{table}").fetchone()
            differing = connection.execute(
                f"(from one.{table} except all from other.{table}) union all "
                f"(from other.{table} except all from one.{table}) order by all"
            ).fetchall()
            print(f"{table}: {compared:,} rows compared")
            assert compared > rows
            assert not differing, f"{table}: {len(differing)} rows\n{differing[:10]}"


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_O5_kept_tables_equal_new_ones_in_any_order_of_arrival(seed: int, new_world: Callable[[int], World]) -> None:
    world = new_world(seed)
    days_pass(world, 60)
    world.build()
    # Every event has its turn in some sequence; the last runs of each are plain days.
    events = [BETWEEN_RUNS[(seed * RUNS + step) % len(BETWEEN_RUNS)] for step in range(RUNS)]
    for step, event in enumerate(events):
        event(world)
        days_pass(world, world.draw.choice([1, 1, 3, 12]))
        world.said.clear()
        world.build()
        found = differences_from_new_tables(world)
        assert not found, f"after {event.__name__} in run {step}\n" + summary(found)


def test_a_plain_day_keeps_the_days_and_dates_before_it(new_world: Callable[[int], World]) -> None:
    world = new_world(99)
    days_pass(world, 60)
    world.build()
    days_pass(world, 1)
    world.said.clear()
    world.build()
    kept = [line for line in world.said if "kept" in line]
    assert [line.split(":")[0] for line in kept] == list(TABLES)
    assert all("; 0 accounts made anew" in line for line in kept)
    assert not differences_from_new_tables(world)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (a_cap_changes, "its SQL, a seed it reads, dbt or the engine is another one now"),
        (everybody_moves, "accounts have another history"),
    ],
)
def test_what_makes_a_table_anew_is_said(
    change: Callable[[World], None], says: str, new_world: Callable[[int], World]
) -> None:
    world = new_world(7)
    days_pass(world, 60)
    world.build()
    change(world)
    world.said.clear()
    world.build()
    assert [line.split(":")[0] for line in world.said if "made anew in whole" in line and says in line][:1] == [
        "account_days"
    ]


def test_a_model_that_was_edited_is_made_anew(new_world: Callable[[int], World]) -> None:
    world = new_world(8)
    days_pass(world, 60)
    world.build()
    path = world.project / "models" / "account_signal_metrics.sql"
    path.write_text(
        path.read_text(encoding="utf-8").replace("half_life_days, 30)", "half_life_days, 31)"), encoding="utf-8"
    )
    world.said.clear()
    world.manifest = None
    world.build()
    assert [line.split(":")[0] for line in world.said if "made anew in whole" in line] == ["account_signal_metrics"]
    assert not differences_from_new_tables(world)


def test_a_signal_is_one_more_row_and_no_sql(new_world: Callable[[int], World]) -> None:
    """The contract of the metrics holds for a signal that nobody has written a line for."""
    world = new_world(9)
    days_pass(world, 20)
    world.build()
    (world.project / "seeds" / "signals.csv").write_text(SIGNALS + "starred,1,7\n", encoding="utf-8")
    moment = world.today - timedelta(hours=30)
    for _ in range(2):
        world.execute("insert into raw.facts values (0, 'acc_1', 'per_1', 'starred', $1, $1, 5)", moment)
    world.build()
    (row,) = world.execute(
        "select events_28d, active_days_28d, people_28d, amount_28d, days_since_first, as_of_date "
        "from account_signal_metrics where signal = 'starred' order by as_of_date desc limit 1"
    )
    scored: date = row[5]
    assert row[:4] == (1, 1, 1, 10.0)
    assert row[4] == (scored - moment.date()).days
