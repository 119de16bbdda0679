"""A disk that forgets what was not synced and fails when told to, for the log to be tried on."""

import errno
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class File:
    written: bytearray = field(default_factory=bytearray)
    durable_bytes: int = 0
    poisoned: bool = False  # a sync failed: the kernel calls the pages clean, and no later sync brings the bytes back


class FaultyStorage:
    """Bytes become durable by `sync`, names by `sync_folder`. `fail` names the calls that fail next, and how."""

    def __init__(self) -> None:
        self.files: dict[int, File] = {}
        self.names: dict[str, int] = {}
        self.durable_names: dict[str, int] = {}
        self.open: set[int] = set()
        self.failures: list[tuple[str, int]] = []
        self.calls: Counter[str] = Counter()

    def fail(self, call: str, error: int) -> None:
        self.failures.append((call, error))

    def create(self, name: str) -> int:
        self._called("create")
        assert name not in self.names, "a segment's name came twice"
        file = len(self.files) + 1
        self.files[file] = File()
        self.names[name] = file
        self.open.add(file)
        return file

    def append(self, file: int, data: bytes) -> None:
        try:
            self._called("append")
        except OSError:
            self.files[file].written += data[: len(data) // 2]  # a full disk takes a part
            raise
        self.files[file].written += data

    def sync(self, file: int) -> None:
        try:
            self._called("sync")
        except OSError:
            self.files[file].poisoned = True
            raise
        if not self.files[file].poisoned:
            self.files[file].durable_bytes = len(self.files[file].written)

    def close(self, file: int) -> None:
        self.open.discard(file)
        self._called("close")

    def rename(self, old: str, new: str) -> None:
        self._called("rename")
        self.names[new] = self.names.pop(old)

    def sync_folder(self) -> None:
        self._called("sync_folder")
        self.durable_names = dict(self.names)

    def lose_power(self, survives: Callable[[int], int]) -> None:
        """Forget: of the bytes after the last sync of a file `survives(n)` of n are left, of new names all or none."""
        if survives(1):
            self.durable_names = dict(self.names)
        self.names = dict(self.durable_names)
        self.open.clear()
        for file in self.files.values():
            kept = file.durable_bytes + survives(len(file.written) - file.durable_bytes)
            file.written = file.written[:kept]
            file.durable_bytes = kept
            file.poisoned = False

    def segments(self) -> dict[str, bytes]:
        return {name: bytes(self.files[file].written) for name, file in self.names.items()}

    def _called(self, call: str) -> None:
        self.calls[call] += 1
        for failure in self.failures:
            if failure[0] == call:
                self.failures.remove(failure)
                raise OSError(failure[1], errno.errorcode[failure[1]])
