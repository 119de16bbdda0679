"""Run the whole job on a copy of the warehouse that is thrown away, with another configuration."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from orchestration.configuration import require_valid
from orchestration.identity_diff import Difference, compare
from orchestration.progress import announce
from warehouse.connection import PUBLISHED_FILE, WORKING_FILE, open_published, open_working_to_read
from warehouse.tables import query

# The job writes its tables anew before the old ones' space is free again, and the published file beside them.
ROOM = 3


class DryRunFailed(RuntimeError):  # noqa: N818 - the name says what is wrong
    """The job failed with the other configuration, as a real run would; the message says why."""


class NoRoom(RuntimeError):  # noqa: N818 - the name says what is wrong
    """The disk is too full for a copy of the warehouse."""


def dry_run(folder: Path, configuration: Path) -> Difference:
    """What a run with this configuration would change of what is published. Nothing in the home is written.

    The job runs on a copy beside the home, as of the date of the published run; the copy is removed, however it ends.

    Args:
        folder: the home.
        configuration: the folder of the CSV files to try.

    Raises:
        BadConfiguration: the files have problems; nothing was copied.
        WarehouseMissing: nothing was published yet that could be compared with.
        DryRunFailed: a run with this configuration would fail.
        NoRoom: the disk has no room for the copy.
    """
    require_valid(configuration)
    as_of = _published_date(folder)
    with copied_home(folder) as copy:
        with standing_in(copy, configuration):
            from orchestration.run import run_job

            result = run_job(as_of)
        if result.was_interrupted:
            raise KeyboardInterrupt
        if result.failure:
            raise DryRunFailed(result.failure)
        announce("comparing")
        return compare(folder / PUBLISHED_FILE, copy / PUBLISHED_FILE)


@contextmanager
def copied_home(folder: Path) -> Iterator[Path]:
    """A folder beside the home with a copy of its working file, removed on leaving.

    Raises:
        NoRoom: the disk has no room for it.
    """
    beside = folder.resolve().parent
    size = (folder / WORKING_FILE).stat().st_size
    if shutil.disk_usage(beside).free < ROOM * size:
        raise NoRoom(f"a dry run needs {ROOM * size / 1e9:.1f} GB beside {folder}, where there is less free")
    with tempfile.TemporaryDirectory(prefix=".pql-dry-run-", dir=beside) as name:
        copy = Path(name)
        announce(f"copying {size / 1e6:,.0f} MB")
        # Held open for reading, so that no run changes the file while it is copied.
        with open_working_to_read(folder):
            for file in (WORKING_FILE, f"{WORKING_FILE}.wal"):
                if (folder / file).exists():
                    shutil.copyfile(folder / file, copy / file)
        yield copy


@contextmanager
def standing_in(folder: Path, configuration: Path) -> Iterator[None]:
    """Let everything in this process, and what it starts, take another folder for the home and its configuration."""
    before = dict(os.environ)
    os.environ |= {"PQL_HOME": str(folder), "PQL_CONFIG": str(configuration.resolve())}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _published_date(folder: Path) -> date | None:
    with open_published(folder) as backend:
        rows = query(backend, "select as_of_date from publishing.runs")
    return rows[0]["as_of_date"] if rows else None
