"""A record of the log: the envelope as JSON, then the items, each with its length before it.

Lengths instead of JSON around JSON: an event stays the bytes that were sent, also one that is no JSON.
"""

import struct
from collections.abc import Iterator, Sequence

import msgspec

from ingest.vendors.contract import Envelope

_LENGTH = struct.Struct("<I")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Envelope).decode


def pack(envelope: Envelope, items: Sequence[bytes | memoryview]) -> bytes:
    """The bytes of a record."""
    parts: list[bytes | memoryview] = []
    for item in (_encode(envelope), *items):
        parts.append(_LENGTH.pack(len(item)))
        parts.append(item)
    return b"".join(parts)


def unpack(record: bytes) -> tuple[Envelope, list[bytes]]:
    """What a record holds."""
    envelope, *items = _parts(record)
    return _decode(envelope), items


def _parts(record: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(record):
        (length,) = _LENGTH.unpack_from(record, at)
        at += _LENGTH.size
        yield record[at : at + length]
        at += length
