"""Load segments into the warehouse: each with its line in the ledger, in one transaction, once.

A crash before the commit leaves nothing of a segment; after it the ledger says that the segment is loaded, and only the
file is put away. So whatever is killed, wherever, the next load ends where an undisturbed one would.
"""

import fcntl
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ingest.loader.read import Batch, read_segment
from ingest.loader.readable import set_aside_unreadable
from ingest.loader.tables import create_tables
from ingest.loader.warehouse import Warehouse
from ingest.receiver.segments import OPEN, SEALED, Contents, read_contents

INBOX, ARCHIVE, DAMAGED = "inbox", "archive", "damaged"
DAY_SECONDS = 86_400

HAS_FORGOTTEN = """
select 1 from information_schema.tables where table_schema = 'privacy' and table_name = 'forgotten_identifiers'
"""
FORGOTTEN = "select identifier_hash from privacy.forgotten_identifiers"

Step = Callable[[str], None]


@dataclass(frozen=True)
class SegmentSummary:
    """What became of one segment.

    Attributes:
        segment: Its name.
        is_sealed: Whether its end is there. One whose writer was killed has none.
        acknowledged: Items that were acknowledged, as its end says; None without one.
        loaded: Rows added to `receiver.events`.
        quarantined: Items set aside.
        deduplicated: Events whose id was there already.
        damaged_bytes: Bytes after the intact part. In one without an end these were never acknowledged, as far as
            can be known.
    """

    segment: str
    is_sealed: bool
    acknowledged: int | None
    loaded: int
    quarantined: int
    deduplicated: int
    damaged_bytes: int

    @property
    def lost(self) -> int:
        """Acknowledged items that are in none of the three."""
        if self.acknowledged is None:
            return 0
        return self.acknowledged - self.loaded - self.quarantined - self.deduplicated

    @property
    def is_damaged(self) -> bool:
        """Whether anything acknowledged may be gone. It stops publishing."""
        return self.lost != 0 or (self.is_sealed and (self.damaged_bytes > 0 or self.acknowledged is None))


Summarize = Callable[[int], SegmentSummary]


class SegmentStore(Protocol):
    """Where the rows of segments go, and the ledger beside them: what `load_into` asks for."""

    def prepare(self) -> None:
        """Create what is absent."""
        ...

    def recorded(self, segment: str) -> SegmentSummary | None:
        """What the ledger says of a segment; None where it was not loaded yet."""
        ...

    def add(self, batch: Batch, summarize: Summarize, loaded_at: datetime, step: Step) -> SegmentSummary:
        """Keep the rows of a segment that is not in the ledger, and then its line there, so that it is all or nothing.

        Args:
            batch: The rows.
            summarize: The line of the ledger, from the number of rows added to `receiver.events`.
            loaded_at: The moment of the load.
            step: As for `load_into`.
        """
        ...

    def accept_loss(self, segment: str, now: datetime) -> bool:
        """Note in the ledger that somebody accepts what a segment lost; whether there is such a segment."""
        ...


@dataclass(frozen=True)
class InTransactions:
    """A store that is a warehouse with transactions over several tables."""

    warehouse: Warehouse

    def prepare(self) -> None:
        """As the protocol says."""
        create_tables(self.warehouse)

    def recorded(self, segment: str) -> SegmentSummary | None:
        """As the protocol says."""
        found = self.warehouse.execute(
            """
            select segment, is_sealed, acknowledged, loaded, quarantined, deduplicated, damaged_bytes
            from receiver.segments
            where segment = $1
            """,
            [segment],
        )
        return SegmentSummary(*found[0]) if found else None

    def add(self, batch: Batch, summarize: Summarize, loaded_at: datetime, step: Step) -> SegmentSummary:
        """As the protocol says, in one transaction."""
        with self.warehouse.transaction():
            summary = summarize(_insert(self.warehouse, batch))
            step("after insert")
            self.warehouse.execute(
                "insert into receiver.segments values ($1, $2, $3, $4, $5, $6, $7, $8, null)",
                [*astuple(summary), loaded_at],
            )
            step("after ledger")
        return summary

    def accept_loss(self, segment: str, now: datetime) -> bool:
        """As the protocol says."""
        updated = "update receiver.segments set loss_accepted_at = $1 where segment = $2 returning segment"
        return bool(self.warehouse.execute(updated, [now, segment]))


def load_segments(
    warehouse: Warehouse, folder: Path, loaded_at: datetime, step: Step = lambda name: None
) -> Iterator[SegmentSummary]:
    """Load into a warehouse with transactions; as `load_into` says."""
    return load_into(InTransactions(warehouse), folder, loaded_at, step)


def load_into(
    store: SegmentStore, folder: Path, loaded_at: datetime, step: Step = lambda name: None
) -> Iterator[SegmentSummary]:
    """Load all segments that no receiver is writing, in the order of their names.

    Args:
        store: Where the rows go, and the ledger beside them.
        folder: The home of the installation; the segments are in `inbox/`, and go to `archive/` or `damaged/`.
        loaded_at: The moment of the load, UTC without a zone.
        step: Called with the name of each point that a crash may hit; tests kill there.

    Yields:
        What became of each segment, after its commit.
    """
    store.prepare()
    for path in segment_paths(folder):
        name = path.name.partition(".")[0]
        with held(path) as is_free:
            if not is_free:
                continue
            recorded = store.recorded(name)
            if recorded is not None:
                _put_away(path, folder, DAMAGED if recorded.is_damaged else ARCHIVE)
                continue
            contents = read_contents(path.read_bytes())
            if contents is None:
                if path.name.endswith(SEALED):  # its beginning is gone: nothing of it can be trusted
                    contents = Contents((), None, path.stat().st_size)
                else:  # a receiver is about to begin it, or died before it did
                    continue
            summary = _load(store, name, path.name.endswith(SEALED), contents, loaded_at, step)
            step("after commit")
            _put_away(path, folder, DAMAGED if summary.is_damaged else ARCHIVE)
            step("after archive")
        yield summary


def segment_paths(folder: Path) -> list[Path]:
    """The segments of the inbox in the order in which they were begun."""
    inbox = folder / INBOX
    found = inbox.iterdir() if inbox.is_dir() else ()
    return sorted(path for path in found if path.name.endswith((OPEN, SEALED)))


def forget_old_archives(folder: Path, keep_days: float) -> int:
    """Remove archived segments older than so many days; how many."""
    archive = folder / ARCHIVE
    limit = time.time() - keep_days * DAY_SECONDS
    old = [path for path in archive.iterdir() if path.stat().st_mtime < limit] if archive.is_dir() else []
    for path in old:
        path.unlink()
    return len(old)


def accept_loss(store: SegmentStore, segment: str, now: datetime) -> bool:
    """Take note that somebody accepts what a damaged segment lost, so that publishing goes on; whether there is one."""
    store.prepare()
    return store.accept_loss(segment, now)


def write_suppressed(warehouses: Iterable[Warehouse], folder: Path) -> int:
    """Write the hashes of forgotten identifiers for the gate, which never opens a warehouse; how many.

    Where none of the warehouses has the table of them, what was written before stays.
    """
    having = [warehouse for warehouse in warehouses if warehouse.execute(HAS_FORGOTTEN)]
    if not having:
        return 0
    hashes = {row[0] for warehouse in having for row in warehouse.execute(FORGOTTEN)}
    inbox = folder / INBOX
    inbox.mkdir(parents=True, exist_ok=True)
    writing = inbox / "suppressed.writing"
    writing.write_text("\n".join(sorted(hashes)), encoding="ascii")
    writing.replace(inbox / "suppressed.txt")
    return len(hashes)


@contextmanager
def held(path: Path) -> Generator[bool]:
    """Whether the segment, or whatever it is, has no other living holder; it is held meanwhile."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # sealed meanwhile; the next load takes it under its new name
        yield False
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(file)


def _load(
    store: SegmentStore, name: str, is_sealed: bool, contents: Contents, loaded_at: datetime, step: Step
) -> SegmentSummary:
    batch = set_aside_unreadable(read_segment(contents.records, name))

    def summarize(loaded: int) -> SegmentSummary:
        return SegmentSummary(
            name,
            is_sealed,
            contents.seal.items if contents.seal else None,
            loaded,
            len(batch.bad),
            len(batch.events) - loaded,
            contents.damaged_bytes,
        )

    return store.add(batch, summarize, loaded_at, step)


def _insert(warehouse: Warehouse, batch: Batch) -> int:
    """Add what is new of the events, and all that is bad; how many were new.

    The first delivery of an id stays. What is there already is looked for with the incoming ids as the smaller side, so
    that memory does not grow with the table; and by ids alone, since carrying whole rows through a join and a window
    takes five times as long as inserting them.
    """
    with warehouse.staged("incoming_bad", batch.bad):
        warehouse.execute("insert into receiver.quarantine select * from incoming_bad")
    with warehouse.staged("incoming_events", batch.events):
        warehouse.execute(
            """
            create temporary table new_items as
            with

            known as materialized (
                select source, message_id from receiver.events
                where (source, message_id) in (select source, message_id from incoming_events)
            )

            select min(item) as item
            from incoming_events
            where not exists (
                select 1 from known
                where known.source = incoming_events.source and known.message_id = incoming_events.message_id
            )
            group by source, message_id
            """
        )
        ((new,),) = warehouse.execute("select count(*) from new_items")
        if new == len(batch.events):  # the usual case, at less than half the time
            warehouse.execute("insert into receiver.events select * from incoming_events")
        else:
            warehouse.execute(
                "insert into receiver.events select * from incoming_events where item in (select item from new_items)"
            )
    warehouse.execute("drop table new_items")
    return new


def _put_away(path: Path, folder: Path, where: str) -> None:
    target = folder / where
    target.mkdir(exist_ok=True)
    path.replace(target / path.name)
