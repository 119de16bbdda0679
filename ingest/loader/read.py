"""From the records of a segment to rows, and to what cannot be one, with the reason."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ingest.arrow import Table, pa
from ingest.loader.tables import EVENTS, QUARANTINE
from ingest.receiver.records import unpack
from ingest.text_lines import readable
from ingest.vendors.all import VENDORS
from ingest.vendors.contract import Envelope, Row, UnreadableEvent

BATCH_ROWS = 50_000
RAW_CHARACTERS = 100_000  # of a bad item that the quarantine keeps


@dataclass
class Batch:
    """Rows and bad items side by side; each item of the records is in one of the two."""

    events: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    bad: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])

    def event_table(self) -> Table:
        """The rows as Arrow, in the columns of `receiver.events`."""
        return _as_table(self.events, EVENTS)

    def bad_table(self) -> Table:
        """The bad items as Arrow, in the columns of `receiver.quarantine`."""
        return _as_table(self.bad, QUARANTINE)


def read_batches(records: Iterable[bytes], segment: str) -> Iterator[Batch]:
    """Read records, in batches of about so many rows that memory stays flat."""
    batch = Batch()
    number = 0
    for record in records:
        envelope, items = unpack(record)
        for item in items:
            _read_item(item, envelope, (segment, number), batch)
            number += 1
        if len(batch.events) + len(batch.bad) >= BATCH_ROWS:
            yield batch
            batch = Batch()
    if batch.events or batch.bad:
        yield batch


def _read_item(item: bytes, envelope: Envelope, place: tuple[str, int], batch: Batch) -> None:
    reason = envelope.reason
    if reason is None:
        try:
            row = _read_event(item, envelope)
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
            batch.events.append((envelope.source, envelope.vendor, envelope.call, envelope.received_at, *row, *place))
            return
    raw = readable(item[:RAW_CHARACTERS].decode("utf-8", "surrogateescape")).replace("\0", "\\x00")
    batch.bad.append((envelope.source, envelope.vendor, envelope.call, envelope.received_at, reason, raw, *place))


def _read_event(item: bytes, envelope: Envelope) -> Row:
    if b"\\u0000" in item:
        raise UnreadableEvent("NUL character")
    row = VENDORS[envelope.vendor].read(item, envelope)
    if row.user_id is None and row.anonymous_id is None and row.group_id is None and row.email is None:
        raise UnreadableEvent("nobody's: no id of a person, a device or a group, and no address")
    return row if row.message_id is not None else row._replace(message_id=content_id(item, envelope.source))


def content_id(item: bytes, source: str) -> str:
    """The id of an event that came without one: the hash of its source and its exact bytes."""
    return "sha256:" + hashlib.sha256(source.encode() + b"\0" + item).hexdigest()


def _as_table(rows: list[tuple[Any, ...]], columns: Any) -> Table:
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(values, columns, strict=True)], schema=columns
    )
