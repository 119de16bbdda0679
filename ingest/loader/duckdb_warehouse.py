"""DuckDB as the warehouse of a load: it reads Arrow where it lies, and takes one writer at a time by itself."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from ingest.arrow import Table


class DuckDBWarehouse:
    """A connection that may write and has no transaction open."""

    indexes: Sequence[str] = ()  # a scan of two columns is faster than keeping an index of them

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """As the protocol says."""
        return self._connection.execute(statement, list(parameters)).fetchall()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """As the protocol says."""
        self._connection.begin()
        try:
            yield
        except BaseException:  # an interrupt, too, must leave nothing half-written
            self._connection.rollback()
            raise
        self._connection.commit()

    @contextmanager
    def staged(self, name: str, rows: Table) -> Generator[None]:
        """As the protocol says; nothing is copied."""
        self._connection.register(name, rows)
        try:
            yield
        finally:
            self._connection.unregister(name)
