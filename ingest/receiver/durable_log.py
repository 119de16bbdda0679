"""An append-only log in segments. A group of records is on disk before anybody is told that it was taken.

After a failed write or sync the kernel may have dropped the bytes and say nothing at the next sync. So a segment that
failed once is never synced again: it is abandoned as it is, and the next group begins another.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ingest.receiver.segments import BEGINNING, OPEN, SEALED, Seal, record_frame, seal_frame
from ingest.receiver.storage import Storage

SEGMENT_BYTES = 32 * 2**20


class NotDurable(RuntimeError):  # noqa: N818 - the name says what is wrong
    """The disk refused: nothing of the group may be acknowledged."""


@dataclass(frozen=True)
class Record:
    """What is written for a request, and how many items are in it."""

    data: bytes
    items: int


class DurableLog:
    """The writing end. One caller at a time.

    Args:
        storage: Where segments are.
        new_name: Gives a name that no segment had before.
        segment_bytes: A segment is sealed once it holds so many.
    """

    def __init__(self, storage: Storage, new_name: Callable[[], str], segment_bytes: int = SEGMENT_BYTES) -> None:
        self._storage = storage
        self._new_name = new_name
        self._segment_bytes = segment_bytes
        self._file: int | None = None
        self._name = ""
        self._bytes = 0
        self._seal = Seal(0, 0)
        self.abandoned = 0

    def write(self, group: Sequence[Record]) -> None:
        """Write a group of records and sync once.

        Raises:
            NotDurable: The disk refused. The segment is abandoned; the next call tries a new one.
        """
        data = b"".join([record_frame(record.data) for record in group])
        try:
            file = self._open_segment() if self._file is None else self._file
            self._storage.append(file, data)
            self._storage.sync(file)
        except OSError as error:
            self._abandon()
            raise NotDurable(str(error)) from error
        self._bytes += len(data)
        self._seal = Seal(self._seal.records + len(group), self._seal.items + sum(record.items for record in group))
        if self._bytes >= self._segment_bytes:
            self.seal()

    def seal(self) -> None:
        """End the segment, if there is one. Where the disk refuses it is left open: what was acknowledged is in it."""
        if self._file is None:
            return
        try:
            self._storage.append(self._file, seal_frame(self._seal))
            self._storage.sync(self._file)
            self._storage.rename(self._name + OPEN, self._name + SEALED)
            self._storage.sync_folder()
        except OSError:
            self._abandon()
            return
        self._let_go()

    def _open_segment(self) -> int:
        """Make a segment whose name would survive, before anything in it is acknowledged."""
        self._name = self._new_name()
        self._bytes = 0
        self._seal = Seal(0, 0)
        self._file = self._storage.create(self._name + OPEN)
        self._storage.append(self._file, BEGINNING)
        self._storage.sync_folder()
        return self._file

    def _abandon(self) -> None:
        """Leave the segment as it is. Its lock is free from then on, and the loader takes what is intact."""
        self.abandoned += 1
        self._let_go()

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            # Whatever a close reports, the file is let go; what counts was synced before, or counts as failed.
            with suppress(OSError):
                self._storage.close(file)
