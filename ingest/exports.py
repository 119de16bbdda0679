"""Backfill from vendors' export archives: read the lines, let through what may be kept, seal it for `pql load`.

The lines go the way of what an SDK sends: the vendor's own module reads them, the gate sorts them, and sealed segments
hold them as they stand in the archive. All of an import waits in a folder of its own until its last line is read, so
that an archive that breaks off leaves nothing.
"""

import fcntl
import shutil
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from ingest.receiver.durable_log import DurableLog, NotDurable, Record
from ingest.receiver.gate import SUPPRESSED, Suppressed, let_through
from ingest.receiver.records import pack
from ingest.receiver.segments import SEALED, new_segment_name
from ingest.receiver.sources import Source
from ingest.receiver.storage import Folder
from ingest.text_lines import MAX_LINE, UnreadableFileError, open_bytes, reading, unpacked
from ingest.times import check_timezone
from ingest.vendors.contract import Envelope, Exported, State, UnreadableEvent

INBOX, WAITING = "inbox", "backfill"
GROUP_BYTES = 4 * 2**20  # so much goes to disk with one sync
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Progress = Callable[[str, int], None]


class BackfillRefused(ValueError):  # noqa: N818 - the name says what happened
    """What was asked for cannot be done; the message says why."""


@dataclass(frozen=True)
class BackfillSummary:
    """What became of an import. `lines` is the sum of those kept, those without consent and those suppressed.

    Attributes:
        files: Files read, those inside archives one by one.
        lines: Events in them.
        without_consent: Events that their people did not agree to.
        suppressed: Events of people who asked to be forgotten.
        states: What the events repeat about users and groups, where it changed: one more event for `pql load` each.
        segments: Segments that wait in the inbox.
    """

    files: int
    lines: int
    without_consent: int
    suppressed: int
    states: int
    segments: int

    @property
    def kept(self) -> int:
        """Events that wait for `pql load`."""
        return self.lines - self.without_consent - self.suppressed


class _Line(NamedTuple):
    """A line of an archive, and what it says."""

    content: bytes
    said: Exported


@dataclass
class _Counts:
    files: int = 0
    lines: int = 0
    without_consent: int = 0
    suppressed: int = 0
    states: int = 0


def backfill(
    folder: Path,
    source: Source,
    files: Sequence[Path],
    now: float,
    timezone: str = "UTC",
    progress: Progress = lambda file, lines: None,
) -> BackfillSummary:
    """Bring the events of export archives into the inbox, all or none.

    An event counts as known since the vendor knew it. Imported again, `pql load` finds each there already.

    Args:
        folder: The home of the installation.
        source: Whose events they are; its vendor is the one that exported them.
        files: Archives (.zip), or files of one JSON object on each line, plain or gzip.
        now: Seconds since 1970. Nothing is known later than this.
        timezone: The zone of the vendor's project, for times that an export gives by its clock.
        progress: Called with a file's label and the lines read so far, now and then.

    Raises:
        BackfillRefused: The vendor's exports are not read here, the zone is unknown, or another import is at work.
        UnreadableFileError: A file breaks off or holds a line that is no event. Nothing is kept of the import.
        NotDurable: The disk refuses. Nothing is kept of the import.
    """
    options = _options(source, timezone)
    suppressed = Suppressed(folder / SUPPRESSED).hashes(now)
    counts = _Counts()
    with _waiting_room(folder) as room:
        log = DurableLog(Folder(room), new_segment_name)
        lines = _counted(_lines(source, files, options), counts, progress)
        for group in _groups(_records(lines, source, options, round(now * 1_000_000), suppressed, counts)):
            log.write(group)
        log.seal()
        if log.abandoned:
            raise NotDurable("a segment could not be sealed")
        segments = _hand_over(room, folder / INBOX)
    return BackfillSummary(
        counts.files, counts.lines, counts.without_consent, counts.suppressed, counts.states, segments
    )


def _options(source: Source, timezone: str) -> dict[str, str]:
    if source.vendor.exported is None:
        raise BackfillRefused(f"{source.name} accepts {source.vendor.name}, whose exports cannot be read; import files")
    if not check_timezone(timezone):
        raise BackfillRefused(f"{timezone} is no time zone; write one like Europe/Berlin")
    return dict(source.options) | ({} if timezone == "UTC" else {"export.timezone": timezone})


@contextmanager
def _waiting_room(folder: Path) -> Generator[Path]:
    """An empty folder for one import at a time. What a killed one left is removed."""
    rooms = folder / WAITING
    rooms.mkdir(parents=True, exist_ok=True)
    with (folder / f"{WAITING}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackfillRefused("another import of an export is at work; wait for it") from None
        try:
            for left in rooms.iterdir():
                shutil.rmtree(left)
            room = rooms / new_segment_name()
            room.mkdir()
            yield room
        finally:
            shutil.rmtree(rooms)


def _hand_over(room: Path, inbox: Path) -> int:
    """Give the sealed segments to the loader; how many. Killed half-way, the next import brings what is missing."""
    names = sorted(path.name for path in room.iterdir() if path.name.endswith(SEALED))
    storage = Folder(inbox)
    for name in names:
        (room / name).rename(inbox / name)
    storage.sync_folder()
    return len(names)


def _lines(source: Source, files: Iterable[Path], options: Mapping[str, str]) -> Iterator[tuple[str, _Line]]:
    """Each line with its file.

    Raises:
        UnreadableFileError: With the file and the line.
    """
    for path in files:
        for label, content in _contents(path):
            with reading(label):
                for number, line in _numbered(content, label):
                    yield label, _Line(line, _said(line, source, options, f"{label}:{number}"))


def _contents(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    """The files in an archive, or the file itself, unpacked."""
    with reading(str(path)):
        if not zipfile.is_zipfile(path):
            if path.suffix == ".zip":
                raise zipfile.BadZipFile("the archive breaks off, or is none")
            with open_bytes(path) as content:
                yield str(path), content
            return
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if not name.endswith("/") and not name.startswith("__MACOSX/"):
                    with reading(f"{path}/{name}"), archive.open(name) as packed, unpacked(packed) as content:
                        yield f"{path}/{name}", content


def _numbered(content: BinaryIO, label: str) -> Iterator[tuple[int, bytes]]:
    """Lines that are not empty, from 1."""
    number = 0
    while line := content.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise UnreadableFileError(f"{label}:{number}: longer than {MAX_LINE} bytes. Nothing was imported.")
        stripped = (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).strip()
        if stripped:
            yield number, stripped


def _said(line: bytes, source: Source, options: Mapping[str, str], where: str) -> Exported:
    read = source.vendor.exported
    assert read is not None  # noqa: S101 - checked at the beginning
    try:
        return read(line, options)
    except (UnreadableEvent, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        what = f"not an event as {source.vendor.name} exports it ({error})"
        raise UnreadableFileError(f"{where}: {what}. Nothing was imported.") from error


def _counted(lines: Iterable[tuple[str, _Line]], counts: _Counts, progress: Progress) -> Iterator[_Line]:
    file = None
    for label, line in lines:
        if label != file:
            file = label
            counts.files += 1
        counts.lines += 1
        if counts.lines % 10_000 == 0:
            progress(label, counts.lines)
        yield line


def _records(
    lines: Iterable[_Line],
    source: Source,
    options: dict[str, str],
    now: int,
    suppressed: frozenset[str],
    counts: _Counts,
) -> Iterator[Record]:
    """A record for each run of lines that were known at the same time, and one for each state that changed."""
    known: dict[tuple[str, str], bytes] = {}
    run: list[bytes] = []
    envelope: Envelope | None = None
    for line in lines:
        this = Envelope(min(line.said.known_at, now), source.name, source.vendor.name, "export", options=options)
        passed = let_through([line.content], source, this, suppressed)
        counts.without_consent += passed.without_consent
        counts.suppressed += passed.suppressed
        if not passed.events:
            continue
        if envelope is not None and this.received_at != envelope.received_at:
            yield Record(pack(envelope, run), len(run))
            run = []
        envelope = this
        run.append(line.content)
        for state in _changed(line.said.states, known):
            counts.states += 1
            said = Envelope(this.received_at, source.name, source.vendor.name, state.call, options=options)
            yield Record(pack(said, [line.content]), 1)
    if envelope is not None:
        yield Record(pack(envelope, run), len(run))


def _changed(states: Iterable[State], known: dict[tuple[str, str], bytes]) -> Iterator[State]:
    """States that differ from what the lines before said of the same user or group."""
    for state in states:
        if known.get((state.call, state.subject)) != state.content:
            known[state.call, state.subject] = state.content
            yield state


def _groups(records: Iterable[Record]) -> Iterator[list[Record]]:
    group: list[Record] = []
    size = 0
    for record in records:
        group.append(record)
        size += len(record.data)
        if size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
