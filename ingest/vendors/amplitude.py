"""Amplitude's HTTP V2 and batch APIs, and the lines of its export archives."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from ingest.vendors.contract import (
    Envelope,
    Exported,
    Limits,
    Outcome,
    Parts,
    Row,
    State,
    UnreadableEvent,
    Vendor,
)
from ingest.vendors.values import Scalar, as_object, instant, is_given, object_text, occurred, shared_instant, text

TYPES = MappingProxyType(
    {
        "$identify": "identify",
        "$groupidentify": "group",
        "[Amplitude] Page Viewed": "page",
        "[Amplitude] Screen Viewed": "screen",
    }
)
NAMED_BY = MappingProxyType({"page": "[Amplitude] Page Path", "screen": "[Amplitude] Screen Name"})


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
    platform: Scalar = None


class _ExportedEvent(msgspec.Struct):
    event_type: Scalar = None
    user_id: Scalar = None
    device_id: Scalar = None
    uuid: Scalar = None
    insert_id: Scalar = msgspec.field(default=None, name="$insert_id")
    event_time: Any = None
    client_event_time: Any = None
    client_upload_time: Any = None
    server_received_time: Any = None
    server_upload_time: Any = None
    processed_time: Any = None
    event_properties: Raw = Raw()
    user_properties: Raw = Raw()
    group_properties: Raw = Raw()
    groups: Raw = Raw()
    country: Scalar = None
    library: Scalar = None
    platform: Scalar = None


_body = msgspec.json.Decoder(_Body)
_event = msgspec.json.Decoder(_Event)
_exported_event = msgspec.json.Decoder(_ExportedEvent)
_any = msgspec.json.Decoder()


def split(call: str, body: bytes) -> Parts:
    """Take a request apart."""
    found = _body.decode(body)
    return Parts([memoryview(event) for event in found.events], found.api_key, found.client_upload_time)


def read(event: bytes, envelope: Envelope) -> Row:
    """The row of one event. `$identify` sets a person's properties, `$groupidentify` those of a group."""
    if envelope.call.startswith("export"):
        return _read_exported(event, envelope)
    found = _event.decode(event)
    name = text(found.event_type)
    if name is None:
        raise UnreadableEvent("missing event_type")
    kind = TYPES.get(name, "track")
    user = _set_of(found.user_properties)
    address = user.get("email")
    if kind in ("identify", "group"):
        chosen = user if kind == "identify" else _set_of(found.group_properties)
        properties = msgspec.json.encode(chosen).decode()
    else:
        properties = object_text(found.event_properties)
    original = instant(found.time)
    return Row(
        text(found.insert_id),
        kind,
        _name(kind, name, found.event_properties),
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
        _library(found.platform, found.library),
    )


def exported(line: bytes, options: Mapping[str, str]) -> Exported:
    """What a line of an archive says. Each repeats what is true of its user and its group at the time."""
    found = _exported_event.decode(line)
    known = (found.server_upload_time, found.server_received_time, found.processed_time, found.event_time)
    known_at = next((moment for time in known if (moment := instant(time)) is not None), None)
    if text(found.event_type) is None or known_at is None:
        raise UnreadableEvent("no event_type, or none of its times")
    states: list[State] = []
    user, (kind, group) = text(found.user_id), _group_of(found, options)
    if user is not None and found.event_type != "$identify" and is_given(found.user_properties):
        states.append(State("export-user", user, bytes(found.user_properties)))
    if group is not None and found.event_type != "$groupidentify":
        own = _own_properties(found, kind, group)
        if own:
            states.append(State("export-group", group, msgspec.json.encode(own)))
    return Exported(known_at, states)


def _read_exported(line: bytes, envelope: Envelope) -> Row:
    """The row of a line, or of the state of a user or group that it repeats."""
    found = _exported_event.decode(line)
    name = text(found.event_type)
    if name is None:
        raise UnreadableEvent("missing event_type")
    kind = {"export-user": "identify", "export-group": "group"}.get(envelope.call) or TYPES.get(name, "track")
    group_kind, group = _group_of(found, envelope.options)
    own = text(found.insert_id) or text(found.uuid)
    email: Any = None
    if kind == "identify":
        properties = object_text(found.user_properties)
        email = _object(found.user_properties).get("email")
    elif kind == "group":
        properties = msgspec.json.encode(_own_properties(found, group_kind, group)).decode()
    else:
        properties = object_text(found.event_properties)
    original = _time_of(found)
    return Row(
        own and own + envelope.call.removeprefix("export").replace("-", ":"),
        kind,
        _name(kind, name, found.event_properties),
        text(found.user_id),
        text(found.device_id),
        None,
        group,
        email if isinstance(email, str) and email else None,
        original,
        occurred(envelope.received_at, original, None),
        properties,
        text(found.country),
        None,
        _library(found.platform, found.library),
    )


def _time_of(found: _ExportedEvent) -> int | None:
    """`event_time`, which Amplitude has corrected for the client's clock; else the client's, corrected here."""
    corrected = instant(found.event_time)
    if corrected is not None:
        return corrected
    client, sent = instant(found.client_event_time), instant(found.client_upload_time)
    received = instant(found.server_received_time)
    return client if client is None or sent is None or received is None else received - (sent - client)


def _group_of(found: _ExportedEvent, options: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The kind of group that is an account, and which of them it is."""
    groups = _object(found.groups)
    kind = options.get("group") or next(iter(groups), None)
    return kind, group_in(groups, kind)


def _own_properties(found: _ExportedEvent, kind: str | None, group: str | None) -> dict[str, Any]:
    """The properties of a group, which an export keeps below its kind and its id."""
    return as_object(as_object(_object(found.group_properties).get(kind or "")).get(group or ""))


def _name(kind: str, name: str, properties: Raw) -> str | None:
    """The name of an event; a page's is its path."""
    if kind not in NAMED_BY:
        return name if kind == "track" else None
    own = _object(properties).get(NAMED_BY[kind])
    return own if isinstance(own, str) and own else name


def _library(platform: Scalar, library: Scalar) -> str | None:
    """What sent it: the platform where that is one of people, since one library serves browsers and servers."""
    shown = (text(platform) or "").lower()
    return shown if shown in ("web", "ios", "android") else text(library)


def group_in(groups: dict[str, Any], wanted: str | None) -> str | None:
    """The group of the kind that the source's configuration names, else the first; a list of groups gives its first."""
    value: Any = groups.get(wanted) if wanted is not None else next(iter(groups.values()), None)
    if isinstance(value, list):
        value = next(iter(value), None)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return text(value) if isinstance(value, str | int | float) else None


def _object(raw: Raw) -> dict[str, Any]:
    return as_object(_any.decode(raw)) if is_given(raw) else {}


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
    exported=exported,
)
