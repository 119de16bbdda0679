"""What the loader asks of a warehouse: little enough that the method, and nearly all of its SQL, is one for all."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ingest.arrow import Table


class WarehouseRefused(RuntimeError):  # noqa: N818 - the name says what is wrong
    """There is no way into the warehouse. The message never holds a password."""


class Warehouse(Protocol):
    """An open connection that nobody else uses.

    Attributes:
        indexes: What the raw tables need to be fast beside their columns, as SQL that may run again.
    """

    indexes: Sequence[str]

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement whose parameters are `$1`, `$2` ...; the rows that it gives, if it gives any."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing of what runs inside; on leaving it is on disk. No other load changes the tables meanwhile."""
        ...

    def staged(self, name: str, rows: Table) -> AbstractContextManager[None]:
        """The rows as a relation of that name, inside a transaction."""
        ...
