"""Open the warehouse. On DuckDB one process writes at a time, and nobody else may read the working file meanwhile."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import ibis  # pyright: ignore[reportMissingTypeStubs]  # Ibis ships no stubs
from ibis.backends.duckdb import Backend  # pyright: ignore[reportMissingTypeStubs]

__all__ = [
    "Backend",
    "WarehouseBusy",
    "WarehouseMissing",
    "home",
    "open_published",
    "open_side_by_side",
    "open_working",
    "open_working_to_read",
]  # fmt: skip

WORKING_FILE = "pql.duckdb"
PUBLISHED_FILE = Path("published") / "pql.duckdb"


class WarehouseBusy(RuntimeError):  # noqa: N818 - the name says what is wrong
    """Another process has the working file open."""


class WarehouseMissing(RuntimeError):  # noqa: N818 - the name says what is wrong
    """There is no warehouse file yet."""


def home() -> Path:
    """The folder that holds the warehouse and everything a run writes: `PQL_HOME`, or `local`."""
    return Path(os.environ.get("PQL_HOME", "local"))


@contextmanager
def open_working(folder: Path) -> Generator[Backend]:
    """Open the working file for reading and writing, creating it where it is absent; closed on leaving.

    Raises:
        WarehouseBusy: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _opened(folder / WORKING_FILE, read_only=False) as backend:
        yield backend


@contextmanager
def open_working_to_read(folder: Path) -> Generator[Backend]:
    """Open the working file and change nothing in it, not even its bytes; a run cannot begin meanwhile.

    Raises:
        WarehouseMissing: there is none.
        WarehouseBusy: a run holds it.
    """
    path = folder / WORKING_FILE
    if not path.exists():
        raise WarehouseMissing(f"there is no warehouse in {folder} yet: `pql import` or `pql demo` makes one")
    with _opened(path, read_only=True) as backend:
        yield backend


@contextmanager
def open_published(folder: Path) -> Generator[Backend]:
    """Open the published file for reading: always one whole run, whatever is being computed meanwhile.

    Raises:
        WarehouseMissing: nothing was published in this folder yet.
    """
    path = folder / PUBLISHED_FILE
    if not path.exists():
        raise WarehouseMissing(f"nothing is published in {folder} yet: `pql run` scores and publishes")
    with _opened(path, read_only=True) as backend:
        yield backend


@contextmanager
def open_side_by_side(**files: Path) -> Generator[Backend]:
    """Open several warehouse files for reading, each as a catalog of its own name; what is created goes into memory."""
    backend = ibis.duckdb.connect()
    try:
        for name, path in files.items():
            backend.attach(path, name=name, read_only=True)
        yield backend
    finally:
        backend.disconnect()


@contextmanager
def _opened(path: Path, *, read_only: bool) -> Generator[Backend]:
    try:
        backend = ibis.duckdb.connect(path, read_only=read_only)
    except Exception as error:
        if "lock" in str(error).lower():
            raise WarehouseBusy(f"{path} is open in another process; wait for it to end and try again") from error
        raise
    try:
        # Every time in the warehouse is UTC without a zone, wherever the machine stands.
        backend.con.execute("set timezone = 'UTC'")
        yield backend
    finally:
        backend.disconnect()
