"""The ways files write times, all the way to UTC."""

# ruff: noqa: DTZ001 (times in the tables are UTC without a zone)

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.times import check_format, instants


def read(text: str | None, time_format: str | None = None, timezone: str = "UTC") -> datetime | None:
    return instants(pa.array([text, text], pa.string()), time_format, timezone).to_pylist()[0]


@pytest.mark.parametrize(
    ("text", "time_format", "zone", "expected"),
    [
        ("2024-01-31", None, "UTC", datetime(2024, 1, 31)),
        ("2024-01-31T10:00:00Z", None, "Asia/Tokyo", datetime(2024, 1, 31, 10)),
        ("2024-01-31 10:00:00.123456789+02:00", None, "UTC", datetime(2024, 1, 31, 8, 0, 0, 123456)),
        ("2024-01-31 10:00:00 UTC", None, "Asia/Tokyo", datetime(2024, 1, 31, 10)),
        ("2024-01-31 10:00", None, "Asia/Tokyo", datetime(2024, 1, 31, 1)),
        ("31-01-2024", "%d-%m-%Y", "UTC", datetime(2024, 1, 31)),
        (" 31/01/24 9:05 PM ", "%d/%m/%y %I:%M %p", "UTC", datetime(2024, 1, 31, 21, 5)),
        ("1700000000", "epoch_s", "UTC", datetime(2023, 11, 14, 22, 13, 20)),
        ("-1.5", "epoch_s", "UTC", datetime(1969, 12, 31, 23, 59, 58, 500000)),
        ("1700000000123", "epoch_ms", "UTC", datetime(2023, 11, 14, 22, 13, 20, 123000)),
        # clocks went back on 2024-10-27 at 03:00: the earlier of the two half past twos
        ("2024-10-27 02:30", None, "Europe/Berlin", datetime(2024, 10, 27, 0, 30)),
        # clocks went forward on 2024-03-31 at 02:00: half past two did not happen, half past three is meant
        ("2024-03-31 02:30", None, "Europe/Berlin", datetime(2024, 3, 31, 1, 30)),
        (None, None, "UTC", None),
        ("31-02-2024", "%d-%m-%Y", "UTC", None),
        ("2024-01-31x", "%Y-%m-%d", "UTC", None),
        ("0001-01-01T00:00:00+14:00", None, "UTC", None),
        ("1_000", "epoch_s", "UTC", None),
        ("nan", "epoch_s", "UTC", None),
        ("999999999999999", "epoch_s", "UTC", None),
    ],
)
def test_times_are_read(text: str | None, time_format: str | None, zone: str, expected: datetime | None) -> None:
    assert read(text, time_format, zone) == expected


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()))
def test_any_written_instant_comes_back(moment: datetime) -> None:
    in_utc = moment.astimezone(UTC)
    assert read(in_utc.isoformat()) == in_utc.replace(tzinfo=None)
    assert read(in_utc.strftime("%d.%m.%Y %H:%M:%S.%f %z"), "%d.%m.%Y %H:%M:%S.%f %z") == in_utc.replace(tzinfo=None)


@pytest.mark.parametrize("text", ["%Y-%m-%d", "%d %b %Y", "%Y-%j", "epoch_s", "epoch_ms", "%d-%m-%y"])
def test_usable_formats_are_accepted(text: str) -> None:
    assert check_format(text) is None
