"""Mixpanel's /track, /import, /engage and /groups, as JSON, as lines of JSON, or as the form field `data`."""

import base64
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from ingest.vendors.amplitude import group_in
from ingest.vendors.contract import Envelope, Limits, Outcome, Parts, Row, UnreadableEvent, Vendor
from ingest.vendors.values import as_object, instant, occurred, text

# Values that Mixpanel itself refuses as an id: they would join strangers.
NOBODY = frozenset(
    [
        "00000000-0000-0000-0000-000000000000",
        "anon",
        "anonymous",
        "nil",
        "none",
        "null",
        "n/a",
        "na",
        "undefined",
        "unknown",
        "<nil>",
        "0",
        "-1",
        "true",
        "false",
        "[]",
        "{}",
    ]
)
OWN = ("token", "distinct_id", "time", "$insert_id", "$user_id", "$device_id", "mp_lib", "$lib_version")


class _Token(msgspec.Struct):
    token: str | None = None


class _Keyed(msgspec.Struct):
    properties: _Token = msgspec.field(default_factory=_Token)
    people_token: str | None = msgspec.field(default=None, name="$token")


_many = msgspec.json.Decoder(list[Raw])
_keyed = msgspec.json.Decoder(_Keyed)
_any = msgspec.json.Decoder(dict[str, Any])


def split(call: str, body: bytes) -> Parts:
    """Take a request apart: one event, a list, or one on each line; in base64 too, as old clients send it."""
    data = body.strip()
    if data[:1] not in (b"{", b"["):
        data = _unpacked(data)
    if data[:1] == b"[":
        events: list[bytes | memoryview] = [memoryview(event) for event in _many.decode(data)]
    else:
        events = [line for line in data.split(b"\n") if line.strip()]
    return Parts(events, _token(events[0]) if events else None)


def _unpacked(data: bytes) -> bytes:
    try:
        return base64.b64decode(data, validate=True).strip()
    except ValueError as error:
        raise msgspec.DecodeError("neither JSON nor base64") from error


def _token(event: bytes | memoryview) -> str | None:
    try:
        found = _keyed.decode(event)
    except msgspec.ValidationError:
        return None
    return found.properties.token or found.people_token


def read(event: bytes, envelope: Envelope) -> Row:
    """The row of one event, or of a change to a person's or a group's profile."""
    found = _any.decode(event)
    return _profile(found, envelope) if envelope.call in ("engage", "groups") else _event(found, envelope)


def _event(found: dict[str, Any], envelope: Envelope) -> Row:
    name, given = found.get("event"), found.get("properties")
    if not isinstance(name, str) or not name:
        raise UnreadableEvent("missing event")
    if not isinstance(given, dict):
        raise UnreadableEvent("properties are not an object")
    properties = as_object(given)
    kind = {"$create_alias": "alias", "$identify": "alias", "$merge": "alias", "$mp_web_page_view": "page"}.get(
        name, "track"
    )
    user, device = _id(properties, "$user_id"), _id(properties, "$device_id")
    distinct = _id(properties, "distinct_id")
    if user is None and distinct is not None:
        if distinct.startswith("$device:"):
            device = device or distinct.removeprefix("$device:")
        elif distinct != device:
            user = distinct
    previous = None
    if kind == "alias":
        previous = _id(properties, "alias") or _id(properties, "$anon_distinct_id")
        user = user or _id(properties, "$identified_id")
    original = instant(properties.get("time"))
    group = envelope.options.get("group")
    return Row(
        _id(properties, "$insert_id"),
        kind,
        None if kind == "alias" else name,
        user,
        device,
        previous,
        group_in(properties, group) if group else None,
        _address(properties, "$email"),
        original,
        occurred(envelope.received_at, original, None),
        _rest({name: value for name, value in properties.items() if name not in OWN} | _previous(previous)),
        _id(properties, "mp_country_code"),
        None,
        _id(properties, "mp_lib"),
    )


def _profile(found: dict[str, Any], envelope: Envelope) -> Row:
    traits: dict[str, Any] = {}
    for operation in ("$set_once", "$set"):
        traits |= as_object(found.get(operation))
    original = instant(found.get("$time"))
    is_person = envelope.call == "engage"
    wanted = envelope.options.get("group")
    group = None if is_person or wanted not in (None, found.get("$group_key")) else _id(found, "$group_id")
    return Row(
        None,
        "identify" if is_person else "group",
        None,
        _id(found, "$distinct_id") if is_person else None,
        None,
        None,
        group,
        _address(traits, "$email") if is_person else None,
        original,
        occurred(envelope.received_at, original, None),
        _rest({name.removeprefix("$"): value for name, value in traits.items()}),
        None,
        None,
        None,
    )


def _id(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    shown = text(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    return None if shown is None or shown.lower() in NOBODY else shown


def _address(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) and value else None


def _previous(previous: str | None) -> dict[str, str]:
    return {} if previous is None else {"previous_id": previous}


def _rest(properties: dict[str, Any]) -> str:
    return msgspec.json.encode(properties).decode()


def answer(outcome: Outcome) -> bytes:
    """`1`, or with `verbose` an object whose status is 1; /import of JSON counts what it took."""
    if outcome.call == "import" and not outcome.is_form:
        if outcome.status == 200:
            return msgspec.json.encode({"code": 200, "num_records_imported": outcome.events, "status": "OK"})
        return msgspec.json.encode({"code": outcome.status, "error": outcome.error, "status": outcome.error})
    if outcome.is_verbose:
        return msgspec.json.encode({"status": int(outcome.status == 200), "error": outcome.error or None})
    return b"1" if outcome.status == 200 else b"0"


MIXPANEL = Vendor(
    "mixpanel",
    MappingProxyType({"/track": "track", "/import": "import", "/engage": "engage", "/groups": "groups"}),
    "track",
    Limits(10 * 2**20, 2**20, 2000),
    split,
    answer,
    read,
)
