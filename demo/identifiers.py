"""Identifiers without meaning: a bijection from (kind, number) to 16 hexadecimal digits, fast for millions of rows."""

import zlib
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from demo.period import Integers

BLOCK_STRIDE: Final = 2**32  # numbers a block of accounts may use for one kind of thing

_DIGITS: Final = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def numbers(block: int, count: int) -> Integers:
    """Number the `count` things of one kind in a block of accounts; no other block has the same numbers."""
    return block * BLOCK_STRIDE + np.arange(count, dtype=np.int64)


def _hexadecimal(kind: str, seed: int, values: Integers) -> npt.NDArray[np.uint8]:
    """Scramble numbers with splitmix64's finaliser (Steele, Lea and Flood, 2014); a bijection, so ids stay unique."""
    salt = np.uint64((zlib.crc32(kind.encode()) << 32) ^ (seed * 0x9E3779B1 & 0xFFFFFFFF))
    mixed = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + salt
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    octets = mixed.astype(">u8").view(np.uint8).reshape(-1, 8)
    return _DIGITS[np.stack([octets >> 4, octets & 15], axis=2).reshape(-1, 16)]


def arrow_identifiers(kind: str, seed: int, values: Integers) -> pa.StringArray:
    """Return one 16-character identifier per number, as an Arrow array built straight from its buffers."""
    digits = _hexadecimal(kind, seed, values)
    offsets = np.arange(len(digits) + 1, dtype=np.int32) * 16
    return pa.StringArray.from_buffers(len(digits), pa.py_buffer(offsets.tobytes()), pa.py_buffer(digits.tobytes()))


def text_identifiers(kind: str, seed: int, values: Integers, prefix: str = "") -> list[str]:
    """Return one identifier per number as text: the prefix and 16 hexadecimal digits."""
    joined = _hexadecimal(kind, seed, values).tobytes().decode("ascii")
    return [prefix + joined[start : start + 16] for start in range(0, len(joined), 16)]


def salesforce_identifiers(prefix: str, seed: int, values: Integers) -> list[str]:
    """Return 18-character ids whose first three characters name the object, as Salesforce's do.

    Only 60 of the 64 scrambled bits fit; a collision among ten million ids has a chance below one in ten thousand.
    """
    return [prefix + text[1:] for text in text_identifiers(f"salesforce-{prefix}", seed, values)]
