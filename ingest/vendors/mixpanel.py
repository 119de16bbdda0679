"""Mixpanel's /track, /import, /engage and /groups, as JSON, as lines of JSON, or as the form field `data`.

And the lines of its raw export, which are events as they were sent, with what Mixpanel added.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Raw

from ingest.vendors.amplitude import group_in
from ingest.vendors.contract import Envelope, Exported, Limits, Outcome, Parts, Row, UnreadableEvent, Vendor
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
TYPES = MappingProxyType(
    {"$create_alias": "alias", "$identify": "alias", "$merge": "alias", "$mp_web_page_view": "page"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
    kind = TYPES.get(name, "track")
    user, device, previous = _who(properties) if kind != "alias" else _aliased(properties)
    original = _time_of(properties, envelope.options)
    shown = name if kind == "track" else None
    if kind == "page":
        shown = _id(properties, "current_url_path") or name
    group = envelope.options.get("group")
    return Row(
        _message_id(properties, name, original),
        kind,
        shown,
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


def exported(line: bytes, options: Mapping[str, str]) -> Exported:
    """What a line of a raw export says. Without the time of processing it was known when it happened."""
    found = _any.decode(line)
    properties = as_object(found.get("properties"))
    known = (instant(properties.get(name)) for name in ("mp_processing_time_ms", "$mp_api_timestamp_ms"))
    known_at = next((moment for moment in known if moment is not None), _time_of(properties, options))
    if not isinstance(found.get("event"), str) or known_at is None:
        raise UnreadableEvent("no event, or no time among its properties")
    return Exported(known_at)


def _time_of(properties: Mapping[str, Any], options: Mapping[str, str]) -> int | None:
    """When it happened. What an export counts since 1970 by the clock of the project's zone is read by that clock.

    Where clocks go back, the earlier of the two instants is taken.
    """
    moment = instant(properties.get("time"))
    zone = options.get("export.timezone")
    if moment is None or zone is None or moment < 0:
        return moment
    wall_clock = (_EPOCH + timedelta(microseconds=moment)).replace(tzinfo=ZoneInfo(zone))
    return (wall_clock - _EPOCH) // timedelta(microseconds=1)


def _message_id(properties: dict[str, Any], name: str, original: int | None) -> str | None:
    """An insert id counts with name and time, as for Mixpanel itself: programs give one id to several events.

    Not with the distinct id, which may be another in an export than it was when it was sent; and with whole seconds
    alone, which is what an export has.
    """
    own = _id(properties, "$insert_id")
    return None if own is None else f"{own}:{'' if original is None else original // 1_000_000}:{name}"


def _who(properties: dict[str, Any]) -> tuple[str | None, str | None, None]:
    """User and device."""
    user, device = _id(properties, "$user_id"), _id(properties, "$device_id")
    distinct = _id(properties, "distinct_id")
    if user is None and distinct is not None:
        if distinct.startswith("$device:"):
            device = device or distinct.removeprefix("$device:")
        elif distinct != device:
            user = distinct
    return user, device, None


def _aliased(properties: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """User, device and the id that turned out to be the user's."""
    user, device, _ = _who(properties)
    user = _id(properties, "$identified_id") if user is None else user
    previous = _id(properties, "$anon_id") or _id(properties, "$anon_distinct_id") or _id(properties, "alias")
    merged = properties.get("$distinct_ids")  # of $merge, which names two
    if previous is None and isinstance(merged, list):
        ids = {str(number): value for number, value in enumerate(cast(list[Any], merged))}
        first, second = sorted((_id(ids, "0") or "", _id(ids, "1") or ""), key=lambda one: one.startswith("$device:"))
        user, previous = first or user, second or None
    if previous is None:
        return user, device, None
    return user, None, previous.removeprefix("$device:")


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
    exported=exported,
)
