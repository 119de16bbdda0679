"""PostgreSQL as the warehouse of a load: rows go in by binary COPY. Needs psycopg, the extra `postgres`."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ingest.arrow import Array, Table, pa, pc
from ingest.loader.tables import typed_columns
from ingest.loader.warehouse import WarehouseRefused

LOCK = 0x70716C5F6C6F6164  # "pql_load": an advisory lock has a number for its name
MICROSECONDS_TO_2000 = 946_684_800_000_000  # PostgreSQL counts time from 2000-01-01
CHUNK_ROWS = 5_000  # so many are Python's objects at a time


class PostgreSQLWarehouse:
    """A connection of psycopg's in autocommit."""

    # Of any length, which a B-tree would not take; the rows of an id are then few, whatever their source.
    indexes: Sequence[str] = (
        "create index if not exists events_by_message_id on receiver.events using hash (message_id)",
    )

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """As the protocol says."""
        with psycopg.RawCursor(self._connection) as cursor:
            cursor.execute(_ours(statement), parameters)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def transaction(self) -> Generator[None]:
        """As the protocol says. The lock ends with the transaction; readers never wait for it."""
        with self._connection.transaction():
            self.execute("select pg_advisory_xact_lock($1)", [LOCK])
            self.execute("set local synchronous_commit to on")  # the segment is put away: its rows must be on disk
            yield

    @contextmanager
    def staged(self, name: str, rows: Table) -> Generator[None]:
        """As the protocol says: a temporary table of the transaction's."""
        self.execute(f"create temporary table {name} ({typed_columns(rows.schema)}) on commit drop")
        with (
            self._connection.cursor() as cursor,
            cursor.copy(_ours(f"copy {name} from stdin (format binary)")) as copy,
        ):
            copy.set_types(["text" if pa.types.is_string(field.type) else "int8" for field in rows.schema])
            for chunk in rows.to_batches(max_chunksize=CHUNK_ROWS):
                for row in zip(*(_as_sent(column).to_pylist() for column in chunk.columns), strict=True):
                    copy.write_row(row)
        self.execute(f"analyze {name}")  # unknown, it would be planned for as if it held any number of rows
        yield


@contextmanager
def open_postgres(address: str) -> Generator[PostgreSQLWarehouse]:
    """Connect to `postgresql://USER@HOST:PORT/DATABASE`; what it leaves out comes from libpq's own variables and files.

    Raises:
        WarehouseRefused: the address is none, or there is no server, or it does not let us in, or it goes away.
    """
    _check(address)
    try:
        with psycopg.connect(address, autocommit=True, application_name="pql load") as connection:
            yield PostgreSQLWarehouse(connection)
    except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege) as error:
        raise WarehouseRefused(f"PostgreSQL: {error}") from None


def _check(address: str) -> None:
    """Refuse what libpq would misread: parts of a password with an @ or a / in it become a host, which errors name."""
    try:
        parts = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        parts = {"host": "@"}  # no address at all; the error's text would quote it
    if any("@" in str(parts.get(name) or "") for name in ("host", "port", "dbname")):
        raise WarehouseRefused(
            "the address is not of the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE; in a password write @ as "
            "%40, / as %2F, : as %3A and % as %25, or leave it to PGPASSWORD or ~/.pgpass"
        )


def _as_sent(column: Array) -> Array:
    """Times as the number that stands for them in COPY's binary format, which is as wide as a bigint."""
    if not pa.types.is_timestamp(column.type):
        return column
    return pc.subtract(column.cast(pa.int64()), MICROSECONDS_TO_2000)


def _ours(statement: str) -> LiteralString:
    """The statements are the loader's own: values go in as parameters or by COPY alone."""
    return cast(LiteralString, statement)
