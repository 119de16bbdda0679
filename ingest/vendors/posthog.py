"""PostHog's /batch/."""

from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from ingest.vendors.amplitude import group_in
from ingest.vendors.contract import Envelope, Limits, Outcome, Parts, Row, UnreadableEvent, Vendor
from ingest.vendors.values import Scalar, as_object, instant, occurred, shared_instant, text

TYPES = MappingProxyType(
    {
        "$identify": "identify",
        "$set": "identify",
        "$groupidentify": "group",
        "$create_alias": "alias",
        "$merge_dangerously": "alias",
        "$pageview": "page",
        "$screen": "screen",
    }
)


class _Body(msgspec.Struct):
    batch: list[Raw]
    api_key: str | None = None
    sent_at: Any = None


class _Alone(msgspec.Struct):
    api_key: str | None = None
    sent_at: Any = None


class _Event(msgspec.Struct):
    event: Scalar = None
    distinct_id: Scalar = None
    timestamp: Any = None
    uuid: Scalar = None
    properties: dict[str, Any] | None = None
    set_: dict[str, Any] | None = msgspec.field(default=None, name="$set")


_body = msgspec.json.Decoder(_Body)
_alone = msgspec.json.Decoder(_Alone)
_event = msgspec.json.Decoder(_Event)


def split(call: str, body: bytes) -> Parts:
    """Take a request apart."""
    if call == "capture":
        alone = _alone.decode(body)
        return Parts([body], alone.api_key, alone.sent_at)
    found = _body.decode(body)
    return Parts([memoryview(event) for event in found.batch], found.api_key, found.sent_at)


def read(event: bytes, envelope: Envelope) -> Row:
    """The row of one event. The id of an event about a group is the SDK's own invention, and nobody's."""
    found = _event.decode(event)
    name = text(found.event)
    if name is None:
        raise UnreadableEvent("missing event")
    kind = TYPES.get(name, "track")
    properties = found.properties or {}
    distinct = text(found.distinct_id) or _id(properties, "distinct_id")
    anonymous = _id(properties, "$anon_distinct_id") or _id(properties, "$device_id")
    group = group_in(_object(properties, "$groups"), envelope.options.get("group"))
    traits = _object(properties, "$set_once") | _object(properties, "$set") | (found.set_ or {})
    user, previous, shown = distinct, None, properties
    if kind == "group":
        user, anonymous, shown = None, None, _object(properties, "$group_set")
        wanted = envelope.options.get("group")
        group = _id(properties, "$group_key") if wanted in (None, properties.get("$group_type")) else None
    elif kind == "identify":
        shown = traits
    elif kind == "alias":
        anonymous, previous = None, _id(properties, "alias")
        if properties.get("$lib") == "posthog-python":  # its alias(previous, new) sends the old id as distinct_id
            user, previous = previous, user
        shown = {"previous_id": previous}
    elif properties.get("$process_person_profile") is False:  # an event without a person: its id is a device's at most
        user, anonymous = None, anonymous or distinct
    if user is not None and user == _id(properties, "$device_id"):  # before the log-in the distinct id is the device's
        user, anonymous = None, anonymous or distinct
    original = instant(found.timestamp)
    address = traits.get("email")
    return Row(
        text(found.uuid),
        kind,
        _id(properties, "$pathname") or _id(properties, "$screen_name") or name
        if kind in ("page", "screen")
        else name
        if kind == "track"
        else None,
        user,
        anonymous,
        previous,
        group,
        address if isinstance(address, str) and address else None,
        original,
        occurred(envelope.received_at, original, shared_instant(envelope.sent_at)),
        msgspec.json.encode(shown).decode(),
        _id(properties, "$geoip_country_code"),
        _id(properties, "$raw_user_agent"),
        _id(properties, "$lib"),
    )


def _id(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    return text(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _object(values: dict[str, Any], name: str) -> dict[str, Any]:
    return as_object(values.get(name))


def answer(outcome: Outcome) -> bytes:
    """PostHog's SDKs read the status alone."""
    return b'{"status": "Ok"}' if outcome.status == 200 else msgspec.json.encode({"detail": outcome.error})


POSTHOG = Vendor(
    "posthog",
    MappingProxyType({"/batch/": "batch", "/batch": "batch", "/capture/": "capture", "/i/v0/e/": "capture"}),
    "batch",
    Limits(20 * 2**20, 2**20, 5000),
    split,
    answer,
    read,
)
