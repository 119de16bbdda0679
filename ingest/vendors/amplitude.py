"""Amplitude's HTTP V2 and batch APIs."""

from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from ingest.vendors.contract import Envelope, Limits, Outcome, Parts, Row, UnreadableEvent, Vendor
from ingest.vendors.values import Scalar, as_object, instant, object_text, occurred, shared_instant, text


class _Body(msgspec.Struct):
    events: list[Raw]
    api_key: str | None = None
    client_upload_time: Any = None


class _Event(msgspec.Struct):
    event_type: Scalar = None
    user_id: Scalar = None
    device_id: Scalar = None
    time: Any = None
    insert_id: Scalar = None
    event_properties: Raw = Raw()
    user_properties: Raw = Raw()
    group_properties: Raw = Raw()
    groups: Raw = Raw()
    country: Scalar = None
    user_agent: Scalar = None
    library: Scalar = None


_body = msgspec.json.Decoder(_Body)
_event = msgspec.json.Decoder(_Event)
_any = msgspec.json.Decoder()


def split(call: str, body: bytes) -> Parts:
    """Take a request apart."""
    found = _body.decode(body)
    return Parts([memoryview(event) for event in found.events], found.api_key, found.client_upload_time)


def read(event: bytes, envelope: Envelope) -> Row:
    """The row of one event. `$identify` sets a person's properties, `$groupidentify` those of a group."""
    found = _event.decode(event)
    name = text(found.event_type)
    if name is None:
        raise UnreadableEvent("missing event_type")
    kind = {"$identify": "identify", "$groupidentify": "group"}.get(name, "track")
    user = _set_of(found.user_properties)
    address = user.get("email")
    if kind == "track":
        properties = object_text(found.event_properties)
    else:
        chosen = user if kind == "identify" else _set_of(found.group_properties)
        properties = msgspec.json.encode(chosen).decode()
    original = instant(found.time)
    return Row(
        text(found.insert_id),
        kind,
        name if kind == "track" else None,
        text(found.user_id),
        text(found.device_id),
        None,
        group_in(_object(found.groups), envelope.options.get("group")),
        address if isinstance(address, str) and kind != "group" else None,
        original,
        occurred(envelope.received_at, original, shared_instant(envelope.sent_at)),
        properties,
        text(found.country),
        text(found.user_agent),
        text(found.library),
    )


def group_in(groups: dict[str, Any], wanted: str | None) -> str | None:
    """The group of the kind that the source's configuration names, else the first; a list of groups gives its first."""
    value: Any = groups.get(wanted) if wanted is not None else next(iter(groups.values()), None)
    if isinstance(value, list):
        value = next(iter(value), None)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return text(value) if isinstance(value, str | int | float) else None


def _object(raw: Raw) -> dict[str, Any]:
    return as_object(_any.decode(raw)) if bytes(raw) else {}


def _set_of(raw: Raw) -> dict[str, Any]:
    """Properties as they stand afterwards: those under `$set` and `$setOnce`, and plain ones."""
    found = _object(raw)
    plain = {name: value for name, value in found.items() if not name.startswith("$")}
    for operation in ("$setOnce", "$set"):
        plain |= as_object(found.get(operation))
    return plain


def answer(outcome: Outcome) -> bytes:
    """Amplitude's SDKs read `code`."""
    if outcome.status == 200:
        return msgspec.json.encode(
            {
                "code": 200,
                "events_ingested": outcome.events,
                "payload_size_bytes": outcome.body_bytes,
                "server_upload_time": outcome.received_at // 1000,
            }
        )
    return msgspec.json.encode({"code": outcome.status, "error": outcome.error})


AMPLITUDE = Vendor(
    "amplitude",
    MappingProxyType({"/2/httpapi": "http", "/batch": "batch"}),
    "http",
    Limits(20 * 2**20, 2**20, 2000),
    split,
    answer,
    read,
    MappingProxyType({401: 400}),
)
