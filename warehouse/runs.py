"""The ledger of runs: one row per run, at most one under way, and the pointer to the one that consumers read."""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from warehouse.connection import Backend
from warehouse.privacy import ensure_privacy
from warehouse.tables import ensure_table, query

RUNS = pa.schema(
    [
        ("run_id", pa.string()),
        ("started_at", pa.timestamp("us")),
        ("status", pa.string()),  # running, published, unchanged or failed
        ("ended_at", pa.timestamp("us")),
        ("as_of_date", pa.date32()),
        ("model_version", pa.string()),  # scores the accounts that are like those it learned from
        ("rules_version", pa.string()),  # scores the others
        ("reason", pa.string()),
        ("expansion_version", pa.string()),  # scores customers for what more they may buy
    ]
)
POINTER = pa.schema([("run_id", pa.string())])


@dataclass(frozen=True)
class Publication:
    """What publishing did: `run_id` is the run that consumers read now."""

    run_id: str
    changed: bool


@dataclass(frozen=True)
class ModelsOfRun:
    """The versions that a run scores with: accounts like those learned from, dormant ones, and customers."""

    model: str
    rules: str
    expansion: str


def ensure_ledger(backend: Backend) -> None:
    """Create what every run reads where it is absent: the ledger's tables, and those of what was forgotten."""
    ensure_privacy(backend)
    ensure_table(backend, "publishing", "runs", RUNS)
    # A ledger of a release before expansion lacks it.
    backend.con.execute("alter table publishing.runs add column if not exists expansion_version varchar")
    ensure_table(backend, "publishing", "pointer", POINTER)


def start_run(backend: Backend, run_id: str, started_at: datetime) -> None:
    """Record a run as under way. One that a crash left so is marked failed: its rows were never visible."""
    ensure_ledger(backend)
    connection = backend.con
    connection.begin()
    connection.execute(
        """
        update publishing.runs set status = 'failed', ended_at = ?, reason = 'ended without a word'
        where status = 'running'
        """,
        [started_at],
    )
    connection.execute(
        "insert into publishing.runs (run_id, started_at, status) values (?, ?, 'running')", [run_id, started_at]
    )
    connection.commit()


def running_run(backend: Backend) -> tuple[str, datetime]:
    """The run under way and when it started.

    Raises:
        RuntimeError: none is under way.
    """
    rows = query(backend, "select run_id, started_at from publishing.runs where status = 'running'")
    if len(rows) != 1:
        raise RuntimeError("no run is under way: start one with `pql run`")
    return rows[0]["run_id"], rows[0]["started_at"]


def record_models(backend: Backend, run_id: str, versions: ModelsOfRun) -> None:
    """Record what the run under way scores with."""
    backend.con.execute(
        "update publishing.runs set model_version = ?, rules_version = ?, expansion_version = ? where run_id = ?",
        [versions.model, versions.rules, versions.expansion, run_id],
    )


def models_of_run(backend: Backend, run_id: str) -> ModelsOfRun:
    """What a run scores with."""
    columns = "model_version, rules_version, expansion_version"
    run = query(backend, f"select {columns} from publishing.runs where run_id = ?", [run_id])[0]  # noqa: S608
    return ModelsOfRun(run["model_version"], run["rules_version"], run["expansion_version"])


def fail_run(backend: Backend, run_id: str, ended_at: datetime, reason: str) -> None:
    """Record that a run ended without being published, and why."""
    backend.con.execute(
        """
        update publishing.runs set status = 'failed', ended_at = ?, reason = ?
        where run_id = ? and status = 'running'
        """,
        [ended_at, reason, run_id],
    )


def published_run(backend: Backend) -> str | None:
    """The run that consumers read, or None before the first one."""
    rows = query(backend, "select run_id from publishing.pointer")
    return rows[0]["run_id"] if rows else None


def publish_run(backend: Backend, run_id: str, ended_at: datetime, content: dict[str, tuple[str, ...]]) -> Publication:
    """Move the pointer to a run, in one transaction, unless it says exactly what the published one says already.

    Args:
        backend: the working warehouse.
        run_id: the run under way.
        ended_at: now, in UTC.
        content: per table kept by run, as schema.name, the columns that make its content. Times of the run itself
            and what is derived from the run before are left out.

    Returns:
        The run that consumers read from now on. A run without news is recorded as `unchanged`.
    """
    before = published_run(backend)
    changed = before is None or any(
        _differs(backend, table, columns, before, run_id) for table, columns in content.items()
    )
    status = "published" if changed else "unchanged"
    connection = backend.con
    connection.begin()
    connection.execute(
        """
        update publishing.runs set status = ?, ended_at = ?,
            as_of_date = (select max(as_of_date) from ml.predictions where run_id = ?)
        where run_id = ?
        """,
        [status, ended_at, run_id, run_id],
    )
    if changed:
        connection.execute("delete from publishing.pointer")
        connection.execute("insert into publishing.pointer values (?)", [run_id])
    connection.commit()
    return Publication(run_id=run_id if changed or before is None else before, changed=changed)


def _differs(backend: Backend, table: str, columns: tuple[str, ...], one: str, other: str) -> bool:
    listed = ", ".join(columns)
    of_run = f"select {listed} from {table} where run_id = ?"  # noqa: S608 - names are ours
    difference = f"select 1 from (({of_run} except all {of_run}) union all ({of_run} except all {of_run})) limit 1"  # noqa: S608
    return bool(query(backend, difference, [one, other, other, one]))
