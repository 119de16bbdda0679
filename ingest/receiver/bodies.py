"""Bodies as they arrive: compressed or not, as JSON or as a form, checked against the limit while they stream."""

import json
import zlib
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qs

import msgspec

_FORM_FIELDS = 64
LISTS = ("batch", "events", "data")


class TooLarge(ValueError):  # noqa: N818 - the name says what is wrong
    """More bytes than the vendor takes."""


class NotGzip(ValueError):  # noqa: N818 - the name says what is wrong
    """The body says that it is compressed and is not, or breaks off."""


class Body:
    """A body that grows chunk by chunk, and never beyond its limit.

    Attributes:
        size: Bytes so far, uncompressed.
    """

    def __init__(self, limit: int, encoding: bytes) -> None:
        self._limit = limit
        self._chunks: list[bytes] = []
        self.size = 0
        # 32 + MAX_WBITS recognises gzip and zlib by their first bytes.
        self._inflate = zlib.decompressobj(32 + zlib.MAX_WBITS) if encoding in (b"gzip", b"deflate") else None

    def add(self, chunk: bytes) -> None:
        """Take the next chunk.

        Raises:
            TooLarge: It is beyond the limit.
            NotGzip: It cannot be decompressed.
        """
        if self._inflate is None:
            self._keep(chunk)
            return
        try:
            self._keep(self._inflate.decompress(chunk, self._limit - self.size + 1))
        except zlib.error as error:
            raise NotGzip("not gzip") from error
        if self._inflate.unconsumed_tail:
            raise TooLarge(f"larger than {self._limit} bytes")

    def whole(self) -> bytes:
        """All of it, uncompressed.

        Raises:
            NotGzip: The compressed body breaks off.
        """
        if self._inflate is not None and not self._inflate.eof:
            raise NotGzip("gzip breaks off")
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def _keep(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self._limit:
            raise TooLarge(f"larger than {self._limit} bytes")
        self._chunks.append(chunk)


def form_of(body: bytes) -> dict[str, str] | None:
    """The fields of a form. None where it is JSON, whatever its content type says: some SDKs send JSON as a form."""
    if body.lstrip()[:1] in (b"{", b"[", b"\xef") or not body:
        return None
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=_FORM_FIELDS)
    except ValueError:
        return None
    return {name: values[0] for name, values in fields.items()}


def mended(body: bytes) -> tuple[bytes, list[bytes]]:
    """The good part of JSON that strict reading refuses, and the events that cannot be kept: one spoils no other.

    Not a number reads as null, a byte order mark is taken off, of a doubled key the last counts. An event with half of
    a surrogate pair, for one, cannot be mended.

    Raises:
        ValueError: Nothing can be saved.
        RecursionError: It is nested too deeply.
    """
    document = json.loads(body.decode("utf-8-sig"), strict=False)
    encode = msgspec.json.encode
    if isinstance(document, list):
        return _sorted(cast(list[Any], document), encode)
    if isinstance(document, dict):
        given = cast(dict[str, Any], document)
        for name in LISTS:
            if isinstance(given.get(name), list):
                good, bad = _sorted(given[name], encode)
                rest = {key: value for key, value in given.items() if key != name}
                return encode(rest | {name: msgspec.Raw(good)}), bad
    return encode(document), []


def _sorted(events: list[Any], encode: Callable[[Any], bytes]) -> tuple[bytes, list[bytes]]:
    good: list[bytes] = []
    bad: list[bytes] = []
    for event in events:
        try:
            good.append(encode(event))
        except (ValueError, RecursionError, OverflowError, msgspec.MsgspecError):
            bad.append(json.dumps(event).encode("ascii"))
    return b"[" + b",".join(good) + b"]", bad
