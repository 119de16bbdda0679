"""Plain JSON of any structure: an object, a list of them, or one on each line; `fields` says which field is what."""

from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from ingest.vendors.contract import Envelope, Limits, Outcome, Parts, Row, UnreadableEvent, Vendor
from ingest.vendors.segment import EVENT_TYPES
from ingest.vendors.values import as_object, instant, occurred, text

# Where each value is looked for when `fields` of the source does not say; the first that is there counts.
FIELDS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "event_id": ("event_id", "message_id", "messageId", "id"),
        "event_type": ("event_type", "type"),
        "event_name": ("event_name", "event", "name"),
        "user_id": ("user_id", "userId"),
        "anonymous_id": ("anonymous_id", "anonymousId"),
        "previous_id": ("previous_id", "previousId"),
        "group_id": ("group_id", "groupId", "account_id"),
        "email": ("email",),
        "occurred_at": ("occurred_at", "timestamp", "time"),
        "country": ("country",),
        "user_agent": ("user_agent",),
    }
)

_many = msgspec.json.Decoder(list[Raw])
_any = msgspec.json.Decoder()
_object = msgspec.json.Decoder(dict[str, Any])


def split(call: str, body: bytes) -> Parts:
    """Take a body apart: a list, or one object on each line, or one over several lines."""
    data = body.strip()
    if data[:1] == b"[":
        return Parts([memoryview(event) for event in _many.decode(data)])
    lines = data.split(b"\n")
    if len(lines) > 1 and all(line.strip()[:1] == b"{" and line.strip()[-1:] == b"}" for line in lines):
        return Parts(lines)
    _any.decode(data)
    return Parts([data])


def read(event: bytes, envelope: Envelope) -> Row:
    """The row of one object. What no field is taken from is kept in `properties`, beside those it has already."""
    document = _object.decode(event)
    used: set[str] = set()
    values = {name: _value(document, name, envelope.options, used) for name in FIELDS}
    kind = text(values["event_type"]) or "track"
    name = text(values["event_name"])
    if kind not in EVENT_TYPES:  # their `type` is the name of what happened
        kind, name = "track", name or kind
    if kind == "track" and name is None:
        raise UnreadableEvent("missing event_name")
    own = as_object(document.get("properties"))
    rest = {key: value for key, value in document.items() if key not in used and (key != "properties" or not own)}
    original = instant(values["occurred_at"])
    return Row(
        text(values["event_id"]),
        kind,
        name,
        text(values["user_id"]),
        text(values["anonymous_id"]),
        text(values["previous_id"]),
        text(values["group_id"]),
        text(values["email"]),
        original,
        occurred(envelope.received_at, original, None),
        msgspec.json.encode(rest | own).decode(),
        text(values["country"]),
        text(values["user_agent"]),
        None,
    )


def _value(document: dict[str, Any], name: str, options: dict[str, str], used: set[str]) -> str | int | float | None:
    configured = options.get(f"fields.{name}")
    for path in (configured,) if configured else FIELDS[name]:
        value: Any = document
        for step in path.split("."):
            value = as_object(value).get(step)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            if "." not in path:
                used.add(path)
            return value
    return None


def answer(outcome: Outcome) -> bytes:
    """How many events were taken, or why none was."""
    if outcome.status == 200:
        return msgspec.json.encode({"accepted": outcome.events})
    return msgspec.json.encode({"error": outcome.error})


PLAIN = Vendor(
    "json", MappingProxyType({"/events": "events"}), "events", Limits(4 * 2**20, 2**20, 10_000), split, answer, read
)
