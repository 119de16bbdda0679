"""The bytes of a segment: a beginning, framed records, and once it is sealed an end that says how much there is.

A frame is the length and the CRC-32 of its payload (two little-endian 32-bit numbers) and the payload. A payload begins
with a letter: R for a record, S for the seal. Whatever is damaged ends the intact part; what follows is never trusted.
"""

import os
import secrets
import struct
import time
import zlib
from dataclasses import dataclass

BEGINNING = b"PQLSEG1\n"
OPEN = ".open"
SEALED = ".sealed"

_FRAME = struct.Struct("<II")
_SEAL = struct.Struct("<cQQ")
_RECORD = b"R"
_SEAL_LETTER = b"S"
_END_BYTES = _FRAME.size + _SEAL.size


def new_segment_name() -> str:
    """A name that sorts by time and never comes twice."""
    return f"{time.time_ns() // 1_000_000:013d}-{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Seal:
    """What was acknowledged in a segment: records (one a request, or part of one) and the items in them."""

    records: int
    items: int


@dataclass(frozen=True)
class Contents:
    """What a segment holds: the intact records in order, the seal if it has one, and how many bytes are of no use."""

    records: tuple[bytes, ...]
    seal: Seal | None
    damaged_bytes: int


def record_frame(record: bytes) -> bytes:
    """A record as it stands in a segment."""
    return _frame(_RECORD + record)


def seal_frame(seal: Seal) -> bytes:
    """The end of a segment."""
    return _frame(_SEAL.pack(_SEAL_LETTER, seal.records, seal.items))


def read_contents(data: bytes) -> Contents | None:
    """Read a segment. None where it does not even have its beginning: a file just made, or no segment at all."""
    if not data.startswith(BEGINNING):
        return None
    records: list[bytes] = []
    at = len(BEGINNING)
    while (payload := _payload_at(data, at)) is not None:
        at += _FRAME.size + len(payload)
        if payload[:1] == _SEAL_LETTER:
            break
        records.append(payload[1:])
    return Contents(tuple(records), _seal_of(data), len(data) - at)


def _frame(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _payload_at(data: bytes, at: int) -> bytes | None:
    """The payload of an intact frame."""
    if at + _FRAME.size > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, at)
    payload = data[at + _FRAME.size : at + _FRAME.size + length]
    if not length or len(payload) < length or zlib.crc32(payload) != checksum:
        return None
    return payload


def _seal_of(data: bytes) -> Seal | None:
    """The seal, found from the end: so the loss of a damaged segment is known."""
    payload = _payload_at(data, len(data) - _END_BYTES) if len(data) >= len(BEGINNING) + _END_BYTES else None
    if payload is None or len(payload) != _SEAL.size or payload[:1] != _SEAL_LETTER:
        return None
    _, records, items = _SEAL.unpack(payload)
    return Seal(records, items)
