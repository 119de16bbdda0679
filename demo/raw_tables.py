"""The raw tables: their columns, and how batches of Arrow reach them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from demo.period import NEVER, START, Booleans, Integers

Tables = Mapping[str, pa.Table]
Columns = dict[str, pa.Array]

_OPEN_END: Final = int((np.datetime64("9999-12-31T23:59:59", "us") - START).astype(np.int64))
_EPOCH_OFFSET: Final = int(START.astype(np.int64))

_CALL = "id VARCHAR, anonymous_id VARCHAR, user_id VARCHAR"
_CONTEXT = (
    "context_group_id VARCHAR, context_user_agent VARCHAR, context_library_name VARCHAR, "
    "context_location_country VARCHAR"
)
_TIMES = (
    "original_timestamp TIMESTAMP, sent_at TIMESTAMP, received_at TIMESTAMP, timestamp TIMESTAMP, uuid_ts TIMESTAMP"
)
_TRACK = f"{_CALL}, event VARCHAR, event_text VARCHAR, {_CONTEXT}, {_TIMES}"
_HISTORY = "_fivetran_start TIMESTAMP, _fivetran_end TIMESTAMP, _fivetran_active BOOLEAN"
_ACCOUNT = (
    "id VARCHAR, name VARCHAR, website VARCHAR, industry VARCHAR, number_of_employees BIGINT, billing_country VARCHAR, "
    "type VARCHAR, parent_id VARCHAR, owner_id VARCHAR, workspace_id_c VARCHAR, is_deleted BOOLEAN, "
    "created_date TIMESTAMP, "
    "last_modified_date TIMESTAMP, system_modstamp TIMESTAMP, _fivetran_synced TIMESTAMP"
)
_OPPORTUNITY = (
    "id VARCHAR, account_id VARCHAR, name VARCHAR, stage_name VARCHAR, type VARCHAR, amount DOUBLE, is_closed BOOLEAN, "
    "is_won BOOLEAN, is_deleted BOOLEAN, owner_id VARCHAR, lead_source VARCHAR, created_date TIMESTAMP, "
    "close_date DATE, "
    "last_modified_date TIMESTAMP, _fivetran_synced TIMESTAMP"
)

# The columns that each track event adds to those of `tracks`.
EVENT_PROPERTIES: Final[dict[str, str]] = {
    "workspace_created": "",
    "setup_completed": "",
    "setup_failed": "",
    "data_source_connected": "environment VARCHAR, type VARCHAR, rows BIGINT",
    "teammate_invited": "department VARCHAR",
    "invite_accepted": "",
    "dashboard_created": "from_template BOOLEAN",
    "dashboard_shared": "visibility VARCHAR",
    "report_scheduled": "frequency VARCHAR",
    "export_run": "rows BIGINT",
    "automation_created": "from_template BOOLEAN",
    "role_customized": "",
    "api_called": "calls BIGINT",
    "limit_reached": '"limit" VARCHAR',
    "checkout_started": "",
    "signed_in": "",
    "error_shown": "code VARCHAR",
    "support_ticket_opened": "",
    "unsubscribed": "",
    "theme_changed": "",
    "tour_viewed": "",
    "avatar_uploaded": "",
    "file_renamed": "",
}

COLUMNS: Final[dict[str, str]] = {
    "segment.tracks": _TRACK,
    **{f"segment.{event}": _TRACK + (f", {more}" if more else "") for event, more in EVENT_PROPERTIES.items()},
    "segment.pages": (
        f"{_CALL}, name VARCHAR, path VARCHAR, url VARCHAR, title VARCHAR, referrer VARCHAR, {_CONTEXT}, {_TIMES}"
    ),
    "segment.identifies": f"{_CALL}, email VARCHAR, name VARCHAR, title VARCHAR, {_CONTEXT}, {_TIMES}",
    "segment.groups": (
        f"{_CALL}, group_id VARCHAR, name VARCHAR, domain VARCHAR, plan VARCHAR, employees BIGINT, {_CONTEXT}, {_TIMES}"
    ),
    "segment.aliases": f"id VARCHAR, previous_id VARCHAR, user_id VARCHAR, {_CONTEXT}, {_TIMES}",
    "segment.users": "id VARCHAR, email VARCHAR, name VARCHAR, title VARCHAR, received_at TIMESTAMP, uuid_ts TIMESTAMP",
    "salesforce.account": _ACCOUNT,
    "salesforce.account_history": f"{_ACCOUNT}, {_HISTORY}",
    "salesforce.contact": (
        "id VARCHAR, account_id VARCHAR, email VARCHAR, first_name VARCHAR, last_name VARCHAR, title VARCHAR, "
        "department VARCHAR, owner_id VARCHAR, is_deleted BOOLEAN, created_date TIMESTAMP, "
        "last_modified_date TIMESTAMP, "
        "_fivetran_synced TIMESTAMP"
    ),
    "salesforce.lead": (
        "id VARCHAR, email VARCHAR, company VARCHAR, first_name VARCHAR, last_name VARCHAR, title VARCHAR, "
        "status VARCHAR, "
        "owner_id VARCHAR, is_converted BOOLEAN, converted_account_id VARCHAR, converted_contact_id VARCHAR, "
        "converted_opportunity_id VARCHAR, converted_date TIMESTAMP, is_deleted BOOLEAN, created_date TIMESTAMP, "
        "last_modified_date TIMESTAMP, _fivetran_synced TIMESTAMP"
    ),
    "salesforce.opportunity": _OPPORTUNITY,
    "salesforce.opportunity_history": f"{_OPPORTUNITY}, {_HISTORY}",
    "salesforce.user": (
        "id VARCHAR, name VARCHAR, email VARCHAR, title VARCHAR, is_active BOOLEAN, created_date TIMESTAMP, "
        "_fivetran_synced TIMESTAMP"
    ),
    "salesforce.task": (
        "id VARCHAR, account_id VARCHAR, who_id VARCHAR, owner_id VARCHAR, subject VARCHAR, status VARCHAR, "
        "type VARCHAR, "
        "activity_date DATE, created_date TIMESTAMP, is_deleted BOOLEAN, _fivetran_synced TIMESTAMP"
    ),
    "marketing.touches": (
        "id VARCHAR, email VARCHAR, anonymous_id VARCHAR, channel VARCHAR, campaign VARCHAR, touch_type VARCHAR, "
        "occurred_at TIMESTAMP, received_at TIMESTAMP"
    ),
    "enrichment.companies": (
        "domain VARCHAR, name VARCHAR, industry VARCHAR, employees BIGINT, country VARCHAR, match_confidence DOUBLE, "
        "enriched_at TIMESTAMP"
    ),
    "enrichment.people": (
        "email VARCHAR, title VARCHAR, seniority VARCHAR, department VARCHAR, company_domain VARCHAR, "
        "match_confidence DOUBLE, enriched_at TIMESTAMP"
    ),
    "billing.subscriptions": (
        "id VARCHAR, workspace_id VARCHAR, plan VARCHAR, seats BIGINT, amount_monthly DOUBLE, status VARCHAR, "
        "started_at TIMESTAMP, ended_at TIMESTAMP, updated_at TIMESTAMP"
    ),
    "truth.people": "identifier_type VARCHAR, identifier VARCHAR, true_person VARCHAR, true_account VARCHAR",
    "truth.account_identifiers": "true_account VARCHAR, identifier_type VARCHAR, identifier VARCHAR",
    "truth.accounts": "true_account VARCHAR, as_of_date DATE, true_probability DOUBLE",
    "truth.customers": "true_account VARCHAR, as_of_date DATE, true_probability DOUBLE",
    "truth.signals": "signal VARCHAR, true_effect DOUBLE, from_date DATE, to_date DATE",
}


def columns_with(traits: Sequence[str]) -> dict[str, str]:
    """Return the columns of every raw table, where identify calls carry these further traits."""
    further = "".join(f", {trait} VARCHAR" for trait in traits)
    return COLUMNS | {name: COLUMNS[name] + further for name in ("segment.identifies", "segment.users")}


def create_tables(connection: duckdb.DuckDBPyConnection, traits: Sequence[str] = ()) -> None:
    """Create every raw table, empty; tables of an earlier simulation are replaced.

    Args:
        connection: an open DuckDB connection that may write.
        traits: further traits of identify calls.
    """
    for schema in sorted({name.partition(".")[0] for name in COLUMNS} | {"demo"}):
        connection.execute(f"create schema if not exists {schema}")
    for name, columns in columns_with(traits).items():
        connection.execute(f"create or replace table {quoted(name)} ({columns})")


def quoted(name: str) -> str:
    """Quote a `schema.table` name: `user` is a reserved word."""
    schema, _, table = name.partition(".")
    return f'{schema}."{table}"'


def column_names(columns: str) -> list[str]:
    """Return the names in a declaration of columns, in order."""
    return [column.split()[0].strip('"') for column in columns.split(", ")]


def append(connection: duckdb.DuckDBPyConnection, batches: Sequence[Tables], traits: Sequence[str] = ()) -> int:
    """Append batches to their tables and return the number of rows written.

    Args:
        connection: the connection that created the tables.
        batches: Arrow tables by raw table name.
        traits: further traits of identify calls, as the tables were created with.
    """
    written = 0
    for name, columns in columns_with(traits).items():
        parts = [
            batch[name].select(column_names(columns)) for batch in batches if name in batch and batch[name].num_rows
        ]
        if parts:
            rows = pa.concat_tables(parts)
            connection.from_arrow(rows).insert_into(quoted(name))
            written += rows.num_rows
    return written


@contextmanager
def one_writing_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Append with one DuckDB thread: several contend for Python's lock and take four times the CPU.

    The second core draws the next block meanwhile. The connection's own setting is restored, also after an error.
    """
    row = connection.execute("select current_setting('threads')").fetchone()
    before = int(row[0]) if row else 1
    connection.execute("set threads = 1")
    try:
        yield
    finally:
        connection.execute(f"set threads = {before}")


def timestamps(times: Integers) -> pa.Array:
    """Turn times since the start into timestamps; NEVER becomes null."""
    return pa.array((times + _EPOCH_OFFSET).view("datetime64[us]"), mask=times == NEVER)


def history_ends(times: Integers) -> pa.Array:
    """Turn the next version's start into this one's end: a millisecond earlier, or the year 9999 when there is none."""
    return timestamps(np.where(times == NEVER, _OPEN_END, times - 1_000))


def dates(times: Integers) -> pa.Array:
    """Turn times since the start into calendar dates."""
    return pa.array((times + _EPOCH_OFFSET).view("datetime64[us]").astype("datetime64[D]"))


def choices(pool: Iterable[str | None] | pa.StringArray, positions: Integers) -> pa.Array:
    """Look up positions in a pool of texts without copying them; a negative position or an empty entry is null."""
    texts = pool if isinstance(pool, pa.Array) else pa.array(list(pool), type=pa.string())
    indices = pa.array(positions.astype(np.int32), type=pa.int32(), mask=positions < 0)
    return pa.DictionaryArray.from_arrays(indices, texts)


def constant(value: str | bool | None, size: int) -> pa.Array:
    """Repeat one value."""
    if value is None:
        return pa.nulls(size, pa.string())
    return pa.repeat(pa.scalar(value), size)


def texts(entries: Iterable[str | None]) -> pa.Array:
    """Return texts, None as null."""
    return pa.array(list(entries), type=pa.string())


def values(array: npt.NDArray[np.generic]) -> pa.Array:
    """Return numbers as they are."""
    return pa.array(array)


def numbers_or_null(array: npt.NDArray[np.generic], is_null: Booleans) -> pa.Array:
    """Return numbers, null where told."""
    return pa.array(array, mask=is_null)
