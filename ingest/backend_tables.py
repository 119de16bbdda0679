"""The raw `backend` tables: their shapes, their DDL, and the merge that makes a second import a no-op.

Every SQL text here is put together from the identifiers in `TABLES` alone. Values travel as parameters or as Arrow.
"""

from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import duckdb

from ingest.arrow import Table

SCHEMA = "backend"

ValueType = Literal["VARCHAR", "DOUBLE", "BIGINT", "BOOLEAN", "TIMESTAMP"]


@dataclass(frozen=True)
class BackendTable:
    """What one raw table holds and what a row of it needs.

    Attributes:
        name: Table name in the schema `backend`.
        columns: Content columns in order, with their types.
        required: Columns that must be mapped and present in every row.
        one_of: At least one of these must be present in every row.
        key: The first of these that a row has is its key; a row without any is keyed by its content.
        main_time: When the row's fact happened.
        main_time_needed: Whether a row may lack `main_time`: never, only outside `known_from: event_time`, or always.
        is_fact: A fact never changes: the first version of a key stays. An entity keeps every version.
        derived: Columns the import computes, which a mapping may not name.
    """

    name: str
    columns: MappingProxyType[str, ValueType]
    required: tuple[str, ...]
    one_of: tuple[str, ...]
    key: tuple[str, ...]
    main_time: str
    main_time_needed: Literal["always", "event_time", "never"]
    is_fact: bool = False
    derived: tuple[str, ...] = ()

    @property
    def mappable(self) -> tuple[str, ...]:
        """The columns a mapping may fill."""
        return tuple(column for column in self.columns if column not in self.derived)


def _columns(text: str) -> MappingProxyType[str, ValueType]:
    types: dict[str, ValueType] = {
        "amount": "DOUBLE",
        "amount_monthly": "DOUBLE",
        "match_confidence": "DOUBLE",
        "employees": "BIGINT",
        "seats": "BIGINT",
        "is_closed": "BOOLEAN",
        "is_won": "BOOLEAN",
    }
    return MappingProxyType(
        {name: "TIMESTAMP" if name.endswith("_at") else types.get(name, "VARCHAR") for name in text.split()}
    )


_PERSON = ("user_id", "anonymous_id", "email")

TABLES: MappingProxyType[str, BackendTable] = MappingProxyType(
    {
        table.name: table
        for table in (
            BackendTable(
                name="events",
                columns=_columns(
                    "event_id event_type event_name user_id anonymous_id group_id email domain occurred_at amount"
                ),
                required=("event_name", "occurred_at"),
                one_of=("user_id", "anonymous_id", "group_id", "email", "domain"),
                key=("event_id",),
                main_time="occurred_at",
                main_time_needed="always",
                is_fact=True,
            ),
            BackendTable(
                name="people",
                columns=_columns("user_id anonymous_id email name title group_id created_at"),
                required=(),
                one_of=_PERSON,
                key=_PERSON,
                main_time="created_at",
                main_time_needed="never",
            ),
            BackendTable(
                name="accounts",
                columns=_columns("group_id name domain parent_group_id industry employees country owner created_at"),
                required=(),
                one_of=("group_id", "domain"),
                key=("group_id", "domain"),
                main_time="created_at",
                main_time_needed="never",
            ),
            BackendTable(
                name="opportunities",
                columns=_columns(
                    "opportunity_id group_id user_id email domain name type stage amount is_closed is_won created_at "
                    "closed_at closed_available_at owner"
                ),
                required=("opportunity_id", "created_at"),
                one_of=("group_id", "user_id", "email", "domain"),
                key=("opportunity_id",),
                main_time="created_at",
                main_time_needed="always",
                derived=("closed_available_at",),
            ),
            BackendTable(
                name="touches",
                columns=_columns("touch_id email user_id anonymous_id channel campaign touch_type occurred_at"),
                required=("occurred_at",),
                one_of=("email", "user_id", "anonymous_id"),
                key=("touch_id",),
                main_time="occurred_at",
                main_time_needed="always",
                is_fact=True,
            ),
            BackendTable(
                name="companies",
                columns=_columns("domain name industry employees country match_confidence enriched_at"),
                required=("domain",),
                one_of=(),
                key=("domain",),
                main_time="enriched_at",
                main_time_needed="event_time",
            ),
            BackendTable(
                name="enriched_people",
                columns=_columns("email title seniority department company_domain match_confidence enriched_at"),
                required=("email",),
                one_of=(),
                key=("email",),
                main_time="enriched_at",
                main_time_needed="event_time",
            ),
            BackendTable(
                name="subscriptions",
                columns=_columns(
                    "subscription_id group_id user_id plan seats amount_monthly status started_at ended_at"
                ),
                required=("subscription_id",),
                one_of=("group_id", "user_id"),
                key=("subscription_id",),
                main_time="started_at",
                main_time_needed="event_time",
            ),
        )
    }
)


@dataclass(frozen=True)
class PartCounts:
    """What the merge made of one part (one file read for one input).

    Attributes:
        new: Rows added to the table.
        unchanged: Rows that were there already, or that repeat another row of the same import.
        ignored: Those of `unchanged` whose content differs from the stored fact with the same id.
    """

    new: int
    unchanged: int
    ignored: int


def create_backend_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the schema `backend` and its tables where they are absent."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for table in TABLES.values():
        content = ", ".join(f"{name} {value_type}" for name, value_type in table.columns.items())
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{table.name} ({content}, source VARCHAR, properties VARCHAR, "
            "_row_key VARCHAR, _row_hash VARCHAR, _version BIGINT, _file VARCHAR, _line BIGINT, "
            "_imported_at TIMESTAMP, available_at TIMESTAMP)"
        )
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {SCHEMA}.quarantine (source VARCHAR, table_name VARCHAR, file VARCHAR, "
        "line BIGINT, reason VARCHAR, raw VARCHAR, imported_at TIMESTAMP)"
    )
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {SCHEMA}.imports (source VARCHAR, table_name VARCHAR, file VARCHAR, "
        "file_hash VARCHAR, rows_read BIGINT, rows_new BIGINT, rows_unchanged BIGINT, rows_quarantined BIGINT, "
        "imported_at TIMESTAMP)"
    )


def create_stage(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the temporary tables that hold one import until it is merged. They spill to disk, so memory stays flat."""
    for table in TABLES.values():
        content = ", ".join(f"{name} {value_type}" for name, value_type in table.columns.items())
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE staged_{table.name} ({content}, properties VARCHAR, available_at TIMESTAMP, "
            "_file VARCHAR, _line BIGINT, _part INTEGER, _order BIGINT, _has_own_time BOOLEAN, "
            "_row_key VARCHAR, _row_hash VARCHAR)"
        )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE staged_quarantine "
        "(table_name VARCHAR, file VARCHAR, line BIGINT, reason VARCHAR, raw VARCHAR)"
    )


def drop_stage(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what `create_stage` made."""
    for name in (*TABLES, "quarantine"):
        connection.execute(f"DROP TABLE IF EXISTS temp.staged_{name}")


def stage_rows(
    connection: duckdb.DuckDBPyConnection, table: BackendTable, mapped: Collection[str], rows: Table
) -> None:
    """Append conformed rows to the stage, with the key and the hash of each.

    Args:
        connection: Open connection, inside the import's transaction.
        table: The table the rows are for.
        mapped: The content columns the input fills; the others are null, which no hash contains.
        rows: Arrow table with every content column of `table` and `properties`, `available_at`, `_file`, `_line`,
            `_part`, `_order`, `_has_own_time`.
    """
    generated = table.key[0] if table.is_fact else None
    content = ", ".join(f"coalesce({name}, _row_hash)" if name == generated else name for name in table.columns)
    with _registered(connection, "incoming_rows", rows):
        connection.execute(
            f"INSERT INTO temp.staged_{table.name} "  # noqa: S608 (identifiers from TABLES)
            f"SELECT {content}, properties, available_at, _file, _line, _part, _order, _has_own_time, "
            f"{_key_expression(table)}, _row_hash "
            f"FROM (SELECT *, {_hash_expression(table, mapped)} AS _row_hash FROM incoming_rows)"
        )


def stage_quarantine(connection: duckdb.DuckDBPyConnection, rows: Table) -> None:
    """Append bad rows (table_name, file, line, reason, raw) to the stage."""
    with _registered(connection, "incoming_quarantine", rows):
        connection.execute(
            "INSERT INTO temp.staged_quarantine SELECT table_name, file, line, reason, raw FROM incoming_quarantine"
        )


def merge_rows(
    connection: duckdb.DuckDBPyConnection, table: BackendTable, source: str, imported_at: datetime
) -> dict[int, PartCounts]:
    """Move what is new from the stage into the table.

    A fact is new when its key is. A version of an entity is new when its content is; and when the last row an import
    holds of an entity differs from the version stored last, that entity went back to an earlier state, which is a new
    version too (unless its rows carry their own time of knowledge: then order of arrival says nothing).

    Args:
        connection: Open connection, inside the import's transaction.
        table: The table to merge into.
        source: The mapping's name.
        imported_at: UTC, without a zone.

    Returns:
        Counts by part.
    """
    choose = _CHOOSE_FACTS if table.is_fact else _CHOOSE_VERSIONS
    names = {"stage": f"temp.staged_{table.name}", "target": f"{SCHEMA}.{table.name}"}
    connection.execute(choose.format(**names), {"source": source})
    ignored = _ignored_changes(connection, names, source) if table.is_fact else {}
    content = ", ".join(table.columns)
    connection.execute(
        f"INSERT INTO {names['target']} ({content}, source, properties, _row_key, _row_hash, _version, _file, _line, "  # noqa: S608
        "_imported_at, available_at) "
        f"SELECT {content}, $source, properties, _row_key, _row_hash, chosen._version, _file, _line, $imported_at, "
        f"available_at FROM {names['stage']} JOIN temp.chosen USING (_order) ORDER BY _order",
        {"source": source, "imported_at": imported_at},
    )
    counts = connection.execute(
        f"SELECT _part, count(chosen._order), count(*) - count(chosen._order) FROM {names['stage']} AS staged "  # noqa: S608
        "LEFT JOIN temp.chosen USING (_order) GROUP BY _part"
    ).fetchall()
    connection.execute("DROP TABLE temp.chosen")
    return {part: PartCounts(new, unchanged, ignored.get(part, 0)) for part, new, unchanged in counts}


def merge_quarantine(connection: duckdb.DuckDBPyConnection, source: str, imported_at: datetime) -> int:
    """Move bad rows that are not in `quarantine` yet from the stage. Returns how many were added."""
    before = _count(connection, "quarantine")
    connection.execute(
        f"INSERT INTO {SCHEMA}.quarantine SELECT $source, table_name, file, line, reason, raw, $imported_at "  # noqa: S608
        "FROM (SELECT DISTINCT * FROM temp.staged_quarantine) AS staged WHERE NOT EXISTS ("
        f"SELECT 1 FROM {SCHEMA}.quarantine AS stored WHERE stored.source = $source "
        "AND stored.table_name = staged.table_name AND stored.file = staged.file AND stored.line = staged.line "
        "AND stored.reason = staged.reason AND stored.raw = staged.raw) ORDER BY table_name, file, line, reason, raw",
        {"source": source, "imported_at": imported_at},
    )
    return _count(connection, "quarantine") - before


def log_import(
    connection: duckdb.DuckDBPyConnection,
    *,
    source: str,
    table_name: str,
    file: str,
    file_hash: str,
    counts: tuple[int, int, int, int],
    imported_at: datetime,
) -> None:
    """Write one line of the log, unless it would repeat: same file content, already logged, and nothing new in it.

    Args:
        connection: Open connection, inside the import's transaction.
        source: The mapping's name.
        table_name: Which table the file was read for.
        file: The file's label.
        file_hash: SHA-256 of the file's bytes.
        counts: Rows read, new, unchanged, quarantined.
        imported_at: UTC, without a zone.
    """
    connection.execute(
        f"INSERT INTO {SCHEMA}.imports SELECT $source, $table_name, $file, $file_hash, $read, $new, $unchanged, "  # noqa: S608
        f"$quarantined, $imported_at WHERE $new > 0 OR NOT EXISTS (SELECT 1 FROM {SCHEMA}.imports WHERE "
        "source = $source AND table_name = $table_name AND file = $file AND file_hash = $file_hash)",
        {
            "source": source,
            "table_name": table_name,
            "file": file,
            "file_hash": file_hash,
            "read": counts[0],
            "new": counts[1],
            "unchanged": counts[2],
            "quarantined": counts[3],
            "imported_at": imported_at,
        },
    )


_CHOOSE_FACTS = """
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT min(_order) AS _order, 1 AS _version
FROM {stage} AS staged
WHERE NOT EXISTS (
    SELECT 1 FROM {target} AS stored WHERE stored.source = $source AND stored._row_key = staged._row_key
)
GROUP BY _row_key
"""

_CHOOSE_VERSIONS = """
CREATE OR REPLACE TEMP TABLE chosen AS
WITH stored AS (
    SELECT _row_key, _row_hash, _version FROM {target} WHERE source = $source
),
stored_last AS (
    SELECT _row_key, arg_max(_row_hash, _version) AS last_hash, max(_version) AS last_version
    FROM stored GROUP BY _row_key
),
unseen AS (
    SELECT staged._row_key, staged._row_hash, min(staged._order) AS _order
    FROM {stage} AS staged ANTI JOIN stored USING (_row_key, _row_hash)
    GROUP BY staged._row_key, staged._row_hash
),
unseen_last AS (
    SELECT _row_key, arg_max(_row_hash, _order) AS last_hash FROM unseen GROUP BY _row_key
),
staged_last AS (
    SELECT _row_key, arg_max(_row_hash, _order) AS _row_hash, max(_order) AS _order
    FROM {stage} WHERE NOT _has_own_time GROUP BY _row_key
),
reverted AS (
    SELECT staged_last._row_key, staged_last._order
    FROM staged_last
    LEFT JOIN unseen_last USING (_row_key)
    LEFT JOIN stored_last USING (_row_key)
    WHERE staged_last._row_hash <> coalesce(unseen_last.last_hash, stored_last.last_hash)
),
added AS (
    SELECT _row_key, _order FROM unseen UNION ALL SELECT _row_key, _order FROM reverted
)
SELECT
    added._order,
    coalesce(stored_last.last_version, 0)
        + row_number() OVER (PARTITION BY added._row_key ORDER BY added._order) AS _version
FROM added LEFT JOIN stored_last USING (_row_key)
"""


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, name: str, rows: Table) -> Generator[None]:
    connection.register(name, rows)
    try:
        yield
    finally:
        connection.unregister(name)


def _ignored_changes(connection: duckdb.DuckDBPyConnection, names: dict[str, str], source: str) -> dict[int, int]:
    """Count, by part, the facts left out although they differ from the one kept under the same key."""
    rows = connection.execute(
        f"WITH kept AS (SELECT _row_key, _row_hash FROM {names['target']} WHERE source = $source "  # noqa: S608
        f"UNION ALL SELECT _row_key, _row_hash FROM {names['stage']} JOIN temp.chosen USING (_order)) "
        f"SELECT _part, count(*) FROM {names['stage']} AS staged JOIN kept USING (_row_key) "
        "WHERE staged._row_hash <> kept._row_hash GROUP BY _part",
        {"source": source},
    ).fetchall()
    return dict(rows)


def _key_expression(table: BackendTable) -> str:
    """The key as SQL: the id itself where a table has one id, `column:value` where a row may have one of several."""
    if table.is_fact:
        return f"coalesce({table.key[0]}, _row_hash)"
    if len(table.key) == 1:
        return table.key[0]
    prefixed = ", ".join(f"'{name}:' || {name}" for name in table.key)
    return f"coalesce({prefixed})"


def _hash_expression(table: BackendTable, mapped: Collection[str]) -> str:
    """The hash of a row's content as SQL.

    Each value is written with its name and its length, so that no two rows read alike; nulls are left out, so that a
    column added to the product later changes no hash.
    """
    values = {name: f"{name}::VARCHAR" for name in table.mappable if name in mapped} | {
        "properties": "properties",
        "available_at": "CASE WHEN _has_own_time THEN available_at::VARCHAR END",
    }
    parts = ", ".join(f"'{name}=' || strlen({value}) || ':' || {value}" for name, value in values.items())
    return f"md5(concat_ws('|', {parts}))"


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {SCHEMA}.{name}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0
