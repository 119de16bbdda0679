"""Turn the ways files write times into UTC."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ingest.arrow import Array, pa, pc

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (times are kept in UTC without a zone)
_MICROSECONDS = {"epoch_s": 1_000_000, "epoch_ms": 1_000}
_EPOCH_NUMBER = re.compile(r"(-?)(\d{1,15})(?:\.(\d{1,12}))?")
_PROBE = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


def check_format(text: str) -> str | None:
    """Say what is wrong with a time format, or return None."""
    if text in _MICROSECONDS:
        return None
    if "%Z" in text:
        return "%Z reads zone names, which are ambiguous; use %z for offsets, or `timezone`"
    try:
        parsed = datetime.strptime(_PROBE.strftime(text), text)  # noqa: DTZ007
    except ValueError as error:
        return f"{text!r} is no usable time format ({error})"
    return None if parsed.date() == date(2001, 2, 3) else f"{text!r} does not hold year, month and day"


def check_timezone(name: str) -> bool:
    """Say whether a name is an IANA zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, malformed, or a folder of the zone database
        return False
    return True


def instants(texts: Array, time_format: str | None, timezone: str) -> Array:
    """Read times.

    A time without an offset is taken in `timezone`. Where clocks go back, the earlier of the two instants is taken;
    a time that the clocks skipped is moved forward by the gap. An offset in the text wins over `timezone`.

    Args:
        texts: Arrow strings.
        time_format: strptime codes, `epoch_s`, `epoch_ms`, or None for ISO 8601.
        timezone: IANA name.

    Returns:
        Arrow timestamps in microseconds, UTC without a zone; null where the text is null or unreadable.
    """
    encoded = texts.dictionary_encode()
    read = _reader(time_format, ZoneInfo(timezone))
    distinct = pa.array([read(text) for text in encoded.dictionary.to_pylist()], pa.timestamp("us"))
    return pc.take(distinct, encoded.indices)


def _reader(time_format: str | None, zone: ZoneInfo) -> Callable[[str], datetime | None]:
    if time_format in _MICROSECONDS:
        unit = _MICROSECONDS[time_format]
        return lambda text: _from_epoch(text, unit)

    def read(text: str) -> datetime | None:
        try:
            if time_format is None:
                # "2024-01-31 10:00:00 UTC" is how BigQuery writes exports.
                stripped = text.strip()
                moment = datetime.fromisoformat(f"{stripped[:-4]}+00:00" if stripped.endswith(" UTC") else stripped)
            else:
                moment = datetime.strptime(text.strip(), time_format)  # noqa: DTZ007
            local = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
            return local.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            return None

    return read


def _from_epoch(text: str, unit: int) -> datetime | None:
    match = _EPOCH_NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    sign, whole, fraction = match.groups(default="")
    microseconds = int(whole) * unit + int((fraction + "0" * 12)[:12]) * unit // 10**12
    try:
        return _EPOCH + timedelta(microseconds=-microseconds if sign else microseconds)
    except OverflowError:
        return None
