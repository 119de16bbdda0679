"""Where a load goes: into the home's own DuckDB file, into a PostgreSQL server, or wherever dlt writes."""

from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from ingest.loader.duckdb_warehouse import DuckDBWarehouse
from ingest.loader.load import InTransactions, SegmentStore, write_suppressed
from ingest.loader.warehouse import Warehouse, WarehouseRefused
from warehouse.connection import WarehouseMissing, open_working, open_working_to_read

BY_DLT = "dlt:"


@contextmanager
def store_for_loading(folder: Path, into: str | None = None) -> Generator[SegmentStore]:
    """As `opened_for_loading`, and `dlt:DESTINATION` too; then the home's own file alone says whom it forgot."""
    if into is None or not into.startswith(BY_DLT):
        with opened_for_loading(folder, into) as warehouse:
            yield InTransactions(warehouse)
        return
    with suppress(WarehouseMissing), open_working_to_read(folder) as backend:
        write_suppressed([DuckDBWarehouse(backend.con)], folder)
    try:
        from ingest.loader.dlt_store import open_dlt
    except ModuleNotFoundError as error:
        raise WarehouseRefused("dlt:DESTINATION needs dlt: pip install 'pql-scoring[dlt]'") from error
    with open_dlt(into.removeprefix(BY_DLT), folder) as store:
        yield store


@contextmanager
def opened_for_loading(folder: Path, into: str | None = None) -> Generator[Warehouse]:
    """Open the warehouse that a load goes into, and tell the gate first whom the warehouses forgot.

    Args:
        folder: The home of the installation.
        into: `postgresql://USER@HOST/DATABASE`; by default the working file of the home.

    Raises:
        WarehouseRefused: it is none, or psycopg is not installed, or the server does not let us in.
        WarehouseBusy: another process holds the working file.
    """
    if into is None:
        with open_working(folder) as backend:
            warehouse = DuckDBWarehouse(backend.con)
            write_suppressed([warehouse], folder)
            yield warehouse
        return
    with _server(into) as warehouse:
        with ExitStack() as stack:
            asked: list[Warehouse] = [warehouse]
            with suppress(WarehouseMissing):  # `pql identity forget` writes into the home's own file
                asked.append(DuckDBWarehouse(stack.enter_context(open_working_to_read(folder)).con))
            write_suppressed(asked, folder)
        yield warehouse


def _server(address: str) -> AbstractContextManager[Warehouse]:
    if not address.startswith(("postgresql://", "postgres://")):
        raise WarehouseRefused("--into takes postgresql://USER@HOST:PORT/DATABASE or dlt:DESTINATION")
    try:
        from ingest.loader.postgres_warehouse import open_postgres
    except ModuleNotFoundError as error:
        raise WarehouseRefused("PostgreSQL needs psycopg: pip install 'pql-scoring[postgres]'") from error
    return open_postgres(address)
