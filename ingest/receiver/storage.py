"""What a log needs of a disk, and nothing more: so that a test can stand in for one that forgets and fails."""

import fcntl
import os
from pathlib import Path
from typing import Protocol


class Storage(Protocol):
    """A folder of files that only grow. What is not synced may be gone after a crash: bytes, and names too.

    Every method raises OSError where the disk refuses.
    """

    def create(self, name: str) -> int:
        """Make a new file, hold it for as long as it is open, and return its handle."""
        ...

    def append(self, file: int, data: bytes) -> None:
        """Write all of the data at the end."""
        ...

    def sync(self, file: int) -> None:
        """Return once everything appended would survive a loss of power."""
        ...

    def close(self, file: int) -> None:
        """Let go of the file."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        ...

    def sync_folder(self) -> None:
        """Return once names would survive a loss of power."""
        ...


class Folder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path

    def create(self, name: str) -> int:
        """Make a new file and lock it: a segment whose lock is free has no living writer."""
        file = os.open(self._path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def append(self, file: int, data: bytes) -> None:
        """Write all of the data, in as many calls as it takes."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]

    def sync(self, file: int) -> None:
        """Sync the data and the length."""
        os.fdatasync(file)

    def close(self, file: int) -> None:
        """Close the file, which frees its lock."""
        os.close(file)

    def rename(self, old: str, new: str) -> None:
        """Rename within the folder."""
        (self._path / old).rename(self._path / new)

    def sync_folder(self) -> None:
        """Sync the folder itself."""
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
