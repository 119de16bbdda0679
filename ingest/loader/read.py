"""From the records of a segment to rows, and to what cannot be one, with the reason."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ingest.arrow import Array, Table, pa
from ingest.loader.tables import ENVELOPE_COLUMNS, EVENTS, QUARANTINE
from ingest.receiver.records import unpack
from ingest.text_lines import readable
from ingest.vendors.all import VENDORS
from ingest.vendors.contract import Envelope, Row, UnreadableEvent

CHUNK_ITEMS = 5_000  # so many are Python's objects at a time; the rest of a segment is Arrow already
RAW_CHARACTERS = 100_000  # of a bad item that the quarantine keeps


@dataclass(frozen=True)
class Batch:
    """What a segment holds, as Arrow: each item of its records is in one of the two.

    Attributes:
        events: In the columns of `receiver.events`.
        bad: In the columns of `receiver.quarantine`.
    """

    events: Table
    bad: Table


class _Rows:
    """Rows of one table under way, value after value: a tuple kept for each would keep the garbage collector busy."""

    def __init__(self, columns: Any) -> None:
        self._columns = columns
        self.values: list[Any] = []  # of each row its own: those of its envelope and its place come by themselves
        self.records: list[int] = []  # of each row the number of its record among the envelopes
        self.items: list[int] = []  # and that of the item in the segment

    def as_table(self, envelopes: Sequence[Envelope], segment: str) -> Table:
        """The rows as Arrow. What stands in an envelope is made once for each, and taken for each of its rows."""
        columns = list(self._columns)
        of_record = pa.array(self.records, pa.int32())
        arrays: list[Array] = [
            pa.array([getattr(envelope, column.name) for envelope in envelopes], column.type).take(of_record)
            for column in columns[:ENVELOPE_COLUMNS]
        ]
        own = columns[ENVELOPE_COLUMNS:-2]
        arrays += [pa.array(self.values[at :: len(own)], column.type) for at, column in enumerate(own)]
        arrays += [pa.repeat(segment, len(self.items)), pa.array(self.items, pa.int64())]
        return pa.table(arrays, schema=self._columns)


def read_segment(records: Iterable[bytes], segment: str) -> Batch:
    """Read all records of a segment."""
    events: list[Table] = []
    bad: list[Table] = []
    for envelopes, rows, bad_rows in _read_chunks(records):
        events.append(rows.as_table(envelopes, segment))
        bad.append(bad_rows.as_table(envelopes, segment))
    return Batch(pa.concat_tables(events), pa.concat_tables(bad))


def _read_chunks(records: Iterable[bytes]) -> Iterator[tuple[list[Envelope], _Rows, _Rows]]:
    """Envelopes, rows and bad items of so many records that memory stays flat; at least one chunk."""
    envelopes: list[Envelope] = []
    rows, bad = _Rows(EVENTS), _Rows(QUARANTINE)
    number = 0
    for record in records:
        envelope, items = unpack(record)
        _read_items(items, envelope, (len(envelopes), number), rows, bad)
        envelopes.append(envelope)
        number += len(items)
        if len(rows.items) + len(bad.items) >= CHUNK_ITEMS:
            yield envelopes, rows, bad
            envelopes, rows, bad = [], _Rows(EVENTS), _Rows(QUARANTINE)
    yield envelopes, rows, bad


def _read_items(items: Iterable[bytes], envelope: Envelope, place: tuple[int, int], rows: _Rows, bad: _Rows) -> None:
    """Read the items of a record: each becomes a row, or is bad for a reason."""
    record, first = place
    read = VENDORS[envelope.vendor].read
    for number, item in enumerate(items, first):
        reason = envelope.reason
        if reason is None:
            try:
                row = _checked(read(item, envelope), item, envelope)
            except UnreadableEvent as error:
                reason = str(error)
            except RecursionError:
                reason = "nested too deeply"
            except UnicodeDecodeError:
                reason = "undecodable bytes"
            except msgspec.ValidationError as error:
                reason = f"of another shape: {error}"
            except msgspec.DecodeError:
                reason = "invalid JSON"
            else:
                rows.values += row
                rows.records.append(record)
                rows.items.append(number)
                continue
        raw = readable(item[:RAW_CHARACTERS].decode("utf-8", "surrogateescape")).replace("\0", "\\x00")
        bad.values += (reason, raw)
        bad.records.append(record)
        bad.items.append(number)


def _checked(row: Row, item: bytes, envelope: Envelope) -> Row:
    """A row that is somebody's, with an id, and whose text every warehouse takes."""
    if b"\\u0000" in item:
        raise UnreadableEvent("NUL character")
    if row.user_id is None and row.anonymous_id is None and row.group_id is None and row.email is None:
        raise UnreadableEvent("nobody's: no id of a person, a device or a group, and no address")
    return row if row.message_id is not None else row._replace(message_id=content_id(item, envelope.source))


def content_id(item: bytes, source: str) -> str:
    """The id of an event that came without one: the hash of its source and its exact bytes."""
    return "sha256:" + hashlib.sha256(source.encode() + b"\0" + item).hexdigest()
