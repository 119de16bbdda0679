"""Snowplow's tracker protocol over POST (tp2). All values are text, and there is no key."""

import base64
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from ingest.vendors.contract import Envelope, Limits, Outcome, Parts, Row, UnreadableEvent, Vendor
from ingest.vendors.values import instant, occurred, text

PATH = "/com.snowplowanalytics.snowplow/tp2"
KINDS = MappingProxyType({"pv": "page", "se": "track", "ue": "track", "pp": "track", "tr": "track", "ti": "track"})
NAMES = MappingProxyType({"pp": "page_ping", "tr": "transaction", "ti": "transaction_item"})


class _Body(msgspec.Struct):
    data: list[Raw]


_body = msgspec.json.Decoder(_Body)
_event = msgspec.json.Decoder(dict[str, str | int | float | bool | None])
_any = msgspec.json.Decoder()


def split(call: str, body: bytes) -> Parts:
    """Take a payload apart."""
    return Parts([memoryview(event) for event in _body.decode(body).data])


def read(event: bytes, envelope: Envelope) -> Row:
    """The row of one event: a page view, a structured or a self-describing one. `ttm` is a true time, not corrected."""
    given = {name: text(value) for name, value in _event.decode(event).items()}
    kind = KINDS.get(given.get("e") or "")
    if kind is None:
        raise UnreadableEvent("unknown type of event")
    name, properties = _named(given)
    true_time, device_time = instant(given.get("ttm")), instant(given.get("dtm"))
    original = device_time if true_time is None else true_time
    sent = instant(given.get("stm")) if true_time is None else None
    return Row(
        given.get("eid"),
        kind,
        name,
        given.get("uid"),
        given.get("duid") or given.get("nuid"),
        None,
        None,
        None,
        original,
        occurred(envelope.received_at, original, sent),
        msgspec.json.encode(properties).decode(),
        None,
        given.get("ua"),
        given.get("tv"),
    )


def _named(given: dict[str, str | None]) -> tuple[str | None, dict[str, Any]]:
    kind = given.get("e") or ""
    page = {"url": given.get("url"), "title": given.get("page"), "referrer": given.get("refr")}
    if kind == "pv":
        return given.get("page") or given.get("url"), _present(page)
    if kind == "ue":
        return _self_described(given)
    if kind == "se":
        names = {"se_ca": "category", "se_ac": "action", "se_la": "label", "se_pr": "property", "se_va": "value"}
        return given.get("se_ac"), _present({ours: given.get(theirs) for theirs, ours in names.items()} | page)
    return NAMES[kind], _present({name: value for name, value in given.items() if name.startswith(kind)} | page)


def _self_described(given: dict[str, str | None]) -> tuple[str, dict[str, Any]]:
    """The name in the inner schema, `iglu:vendor/NAME/format/version`, and its data."""
    encoded = given.get("ue_px")
    try:
        document = (
            base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            if encoded
            else (given.get("ue_pr") or "").encode()
        )
        inner: Any = _any.decode(document)["data"]
        named = str(inner["schema"]).split("/")[1], dict(inner["data"])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise UnreadableEvent("unreadable self-describing event") from error
    if b"\\u0000" in document:  # in base64 nobody else sees it
        raise UnreadableEvent("NUL character")
    return named


def _present(values: dict[str, str | None]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def answer(outcome: Outcome) -> bytes:
    """The collector says `ok`; trackers read the status alone."""
    return b"ok" if outcome.status == 200 else outcome.error.encode()


SNOWPLOW = Vendor(
    "snowplow", MappingProxyType({PATH: "tp2"}), "tp2", Limits(2**20, 192 * 1024, 1000), split, answer, read
)
