"""What is let through: events with consent, of nobody who asked to be forgotten. Of the others only a count is left."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ingest.receiver.sources import Source
from ingest.vendors.contract import Envelope, Row, UnreadableEvent
from ingest.vendors.values import as_object, is_given

_any = msgspec.json.Decoder()
SUPPRESSED = Path("inbox") / "suppressed.txt"  # in the home of the installation
REFUSALS = ("false", "no", "denied", "0", "")

Event = bytes | memoryview


class Suppressed:
    """Hashes of identifiers of people who asked to be forgotten: a file of `pql load`'s, read when it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._hashes: frozenset[str] = frozenset()
        self._look_again = 0.0

    def hashes(self, now: float) -> frozenset[str]:
        """Those of this second, or of the one before."""
        if now < self._look_again:
            return self._hashes
        self._look_again = now + 1.0
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return self._hashes
        if self._seen != (state.st_mtime_ns, state.st_ino):
            self._hashes = frozenset(self._path.read_text(encoding="ascii").split())
            self._seen = (state.st_mtime_ns, state.st_ino)
        return self._hashes


@dataclass(frozen=True)
class Passed:
    """The events that may be kept, and how many may not, by reason."""

    events: Sequence[Event]
    without_consent: int
    suppressed: int


def let_through(events: Sequence[Event], source: Source, envelope: Envelope, suppressed: frozenset[str]) -> Passed:
    """Sort events. Where a source asks for no consent and nobody is forgotten, none is looked at."""
    if source.consent is None and not suppressed:
        return Passed(events, 0, 0)
    kept: list[Event] = []
    without_consent = forgotten = 0
    for event in events:
        if source.consent is not None and not _has_consent(event, envelope, source):
            without_consent += 1
        elif suppressed and _is_suppressed(event, source, envelope, suppressed):
            forgotten += 1
        else:
            kept.append(event)
    return Passed(kept, without_consent, forgotten)


def _has_consent(event: Event, envelope: Envelope, source: Source) -> bool:
    """Whether the person agreed. What cannot be read is treated as what is absent."""
    try:
        document = as_object(_any.decode(event))
        if is_given(envelope.context) and "context" not in document:
            document["context"] = _any.decode(envelope.context)
    except (msgspec.DecodeError, RecursionError):
        return source.without_consent == "keep"
    value: Any = document
    for step in source.consent or ():
        value = as_object(value).get(step)
    if value is None:
        return source.without_consent == "keep"
    return str(value).lower() not in REFUSALS


def _is_suppressed(event: Event, source: Source, envelope: Envelope, suppressed: frozenset[str]) -> bool:
    try:
        row = source.vendor.read(bytes(event), envelope)
    except (UnreadableEvent, msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return any(identifier in suppressed for identifier in _hashes_of(row))


def _hashes_of(row: Row) -> Iterable[str]:
    """The identifiers of an event as the warehouse hashes them (macro `identifier_hash`): `type:identifier`."""
    for kind, value in (
        ("user_id", row.user_id),
        ("anonymous_id", row.anonymous_id),
        ("anonymous_id", row.previous_id),
        ("user_id", row.previous_id),
        ("email", row.email.lower() if row.email else None),
    ):
        if value is not None and value.strip():
            yield hashlib.sha256(f"{kind}:{value.strip()}".encode("utf-8", "surrogatepass")).hexdigest()
