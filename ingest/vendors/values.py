"""Values as SDKs send them: ids that are numbers, times in five spellings, objects that are no objects."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, cast

import msgspec

Scalar = str | int | float | bool | None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# A time as a number is in seconds below the first, in milliseconds below the second, else in microseconds.
_LARGEST_SECONDS = 10**11
_LARGEST_MILLISECONDS = 10**14


def text(value: Scalar) -> str | None:
    """An id or name as text; None where there is nothing."""
    if isinstance(value, str):
        return value or None
    return None if value is None else str(value)


def instant(value: Any) -> int | None:
    """A time in microseconds since 1970, UTC; None where it cannot be read. A time without a zone is UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return _of_digits(value)
        return ((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
    return _of_number(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


_remembered_instant = lru_cache(maxsize=64)(instant)


def shared_instant(value: Any) -> int | None:
    """As `instant`, of the time of sending, which all events of a request share."""
    return _remembered_instant(value) if isinstance(value, str) else instant(value)


def _of_digits(value: str) -> int | None:
    stripped = value.strip()
    return _of_number(int(stripped)) if stripped.isascii() and stripped.isdigit() and len(stripped) < 20 else None


def _of_number(value: int | float) -> int | None:
    size = abs(value)
    if not size < 10**17:  # also not a number
        return None
    factor = 1_000_000 if size < _LARGEST_SECONDS else 1_000 if size < _LARGEST_MILLISECONDS else 1
    return round(value * factor)


def occurred(received_at: int, original: int | None, sent: int | None) -> int:
    """When it happened by the receiver's clock: `received - (sent - original)`, between 1970 and receipt.

    A client's clock may be wrong by any amount, but it is wrong alike in both of its times. Without the time of
    sending the client's own time stands. What cannot be is the time of receipt: no clock drops an event, or moves it
    after it was received.
    """
    if original is None:
        return received_at
    moment = original if sent is None else received_at - (sent - original)
    return moment if 0 <= moment <= received_at else received_at


def object_text(raw: msgspec.Raw) -> str:
    """An object as JSON text; `{}` for nothing; a value that is no object stands under `value`."""
    shown = str(raw, "utf-8")
    if shown.startswith("{"):
        return shown
    return '{"value": ' + shown + "}" if shown and shown != "null" else "{}"


def as_object(value: Any) -> dict[str, Any]:
    """The value where it is a JSON object, else an empty one."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def is_given(raw: msgspec.Raw) -> bool:
    """Whether there is anything in it."""
    size = len(raw)
    return size > len(b"null") or (size > 0 and bytes(raw) not in (b"null", b"{}"))


class _Traits(msgspec.Struct):
    email: Scalar = None


_traits = msgspec.json.Decoder(_Traits)


def email_of(traits: msgspec.Raw) -> str | None:
    """The address in an object of traits; None where it holds none, or is no object."""
    if not is_given(traits):
        return None
    try:
        return text(_traits.decode(traits).email)
    except msgspec.ValidationError:
        return None
