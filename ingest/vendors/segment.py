"""Segment's and RudderStack's tracking API, and both as webhook destinations.

Events are read leniently: an id may be a number, traits may stand in `context.traits`, and `originalTimestamp` may come
with or without `timestamp`, as RudderStack's SDKs send it.
"""

from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ingest.vendors.contract import NOTHING, Envelope, Limits, Outcome, Parts, Row, UnreadableEvent, Vendor
from ingest.vendors.values import Scalar, email_of, instant, is_given, object_text, occurred, shared_instant, text

CALLS = MappingProxyType(
    {f"/v1/{call}": call for call in ("identify", "track", "page", "screen", "group", "alias", "batch")}
    | {"/webhook": "webhook", "/": "webhook"}
)
EVENT_TYPES = frozenset(("track", "page", "screen", "identify", "group", "alias"))


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[Raw]
    sent_at: Any = None
    write_key: str | None = None
    context: Raw = NOTHING


class _Alone(msgspec.Struct, rename="camel"):
    write_key: str | None = None


class _Message(msgspec.Struct, rename="camel", gc=False):
    type: str | None = None
    event: Scalar = None
    name: Scalar = None
    user_id: Scalar = None
    anonymous_id: Scalar = None
    previous_id: Scalar = None
    group_id: Scalar = None
    message_id: Scalar = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    properties: Raw = Raw()
    traits: Raw = Raw()
    context: Raw = Raw()


class _Library(msgspec.Struct, gc=False):
    name: str | None = None


class _Location(msgspec.Struct, gc=False):
    country: str | None = None


class _Context(msgspec.Struct, rename="camel", gc=False):
    traits: Raw = Raw()
    group_id: Scalar = None
    user_agent: str | None = None
    library: _Library | UnsetType | None = UNSET
    location: _Location | UnsetType | None = UNSET


class _Surroundings(NamedTuple):
    """What the context says of an event."""

    traits: Raw
    group_id: str | None
    country: str | None
    user_agent: str | None
    library: str | None


class _Page(msgspec.Struct, gc=False):
    path: str | None = None


_batch = msgspec.json.Decoder(_Batch)
_alone = msgspec.json.Decoder(_Alone)
_many = msgspec.json.Decoder(list[Raw])
_message = msgspec.json.Decoder(_Message)
_context = msgspec.json.Decoder(_Context)
_page = msgspec.json.Decoder(_Page)


def split(call: str, body: bytes) -> Parts:
    """Take a call apart. A webhook sends one event, or a list of them."""
    if call == "webhook" and body.lstrip()[:1] == b"[":
        return Parts([memoryview(event) for event in _many.decode(body)])
    if call == "batch":
        batch = _batch.decode(body)
        return Parts([memoryview(event) for event in batch.batch], batch.write_key, batch.sent_at, batch.context)
    return Parts([body], _alone.decode(body).write_key)


def read(event: bytes, envelope: Envelope) -> Row:
    """The row of one message."""
    message = _message.decode(event)
    kind = envelope.call if envelope.call in EVENT_TYPES else message.type
    if kind not in EVENT_TYPES:
        if kind == "delete":
            raise UnreadableEvent("a request to delete a person: `pql identity forget` does it")
        raise UnreadableEvent("unknown type of event")
    around = _surroundings(bytes(message.context if is_given(message.context) else envelope.context))
    traits = message.traits if is_given(message.traits) else around.traits
    original, moment = _times(message, envelope)
    group = text(message.group_id)
    previous = text(message.previous_id) if kind == "alias" else None
    name: str | None = None
    email: str | None = None
    if kind == "track":
        name, properties = text(message.event), object_text(message.properties)
        if name is None:
            raise UnreadableEvent("missing event")
    elif kind in ("page", "screen"):
        name, properties = text(message.name) or _path(message.properties), object_text(message.properties)
    elif kind == "alias":
        properties = msgspec.json.encode({"previous_id": previous}).decode()
    else:
        properties = object_text(traits)
        email = email_of(traits) if kind == "identify" else None
    return Row(
        text(message.message_id),
        kind,
        name,
        text(message.user_id),
        text(message.anonymous_id),
        previous,
        group if group is not None else around.group_id,
        email,
        original,
        moment,
        properties,
        around.country,
        around.user_agent,
        around.library,
    )


def _times(message: _Message, envelope: Envelope) -> tuple[int | None, int]:
    """When the client says that it happened, and when it did by the receiver's clock.

    With both times in a message, `timestamp` is nobody's wrong clock: a webhook's is corrected already, and in what
    RudderStack's SDKs send it is what the caller said, beside the time of the call. RudderStack takes it as it is.
    """
    original, stated = instant(message.original_timestamp), instant(message.timestamp)
    if original is not None and stated is not None:
        return original, occurred(envelope.received_at, stated, None)
    original = stated if original is None else original
    sent = instant(message.sent_at)
    sent = shared_instant(envelope.sent_at) if sent is None else sent
    return original, occurred(envelope.received_at, original, sent)


@lru_cache(maxsize=256)
def _surroundings(context: bytes) -> _Surroundings:
    """The context, as far as it is one: what a client says around an event never costs the event.

    Remembered, since a server says the same around all of its events.
    """
    try:
        read = _context.decode(context) if context else _Context()
    except msgspec.ValidationError:
        read = _Context()
    return _Surroundings(
        read.traits,
        text(read.group_id),
        read.location.country if isinstance(read.location, _Location) else None,
        read.user_agent,
        read.library.name if isinstance(read.library, _Library) else None,
    )


def _path(properties: Raw) -> str | None:
    try:
        return text(_page.decode(properties).path) if is_given(properties) else None
    except msgspec.ValidationError:
        return None


def _segment_answer(outcome: Outcome) -> bytes:
    if outcome.status == 200:
        return b'{"success": true}'
    return msgspec.json.encode({"success": False, "message": outcome.error})


def _rudderstack_answer(outcome: Outcome) -> bytes:
    return b'"OK"' if outcome.status == 200 else msgspec.json.encode({"message": outcome.error})


def _vendor(name: str, body_bytes: int, answer: Callable[[Outcome], bytes]) -> Vendor:
    return Vendor(
        name, CALLS, "webhook", Limits(body_bytes, 32 * 1024, 2500), split, answer, read, MappingProxyType({413: 400})
    )


# A Segment webhook destination sends up to 4,000 events and no 500 KB limit is stated for it; the larger limit is
# RudderStack's own.
SEGMENT = _vendor("segment", 500 * 1024, _segment_answer)
RUDDERSTACK = _vendor("rudderstack", 4 * 2**20, _rudderstack_answer)
