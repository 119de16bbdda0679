"""Vendors' export archives, built after their documented shapes, through `pql backfill`'s reader and the loader."""

import gzip
import hashlib
import io
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest.exports import BackfillRefused, BackfillSummary, backfill
from ingest.receiver.sources import read_sources
from ingest.text_lines import UnreadableFileError
from orchestration.cli import app
from tests.receiver.conftest import NOW, Installation

SOURCES = """
[source.app]
accepts = "amplitude"
keys = ["KEY"]
group = "company"

[source.asking]
accepts = "amplitude"
keys = ["KEY"]
consent = "event_properties.consent"
without_consent = "drop"

[source.mp]
accepts = "mixpanel"
keys = ["KEY"]
group = "company"

[source.web]
accepts = "segment"
keys = ["KEY"]
"""
ADA = {"email": "Ada@acme.example", "title": "CTO"}
ACME = {"company": {"w-acme": {"name": "Acme Inc.", "employees": 40}}}


def exported(number: int, name: str = "Report Created", **more: Any) -> dict[str, Any]:
    """A line of Amplitude's export: times in UTC without a zone, absent values null."""
    return {
        "$insert_id": f"m-{number}", "uuid": f"uuid-{number}", "app": 1, "amplitude_id": 7002, "user_id": "ada",
        "device_id": "d-5f3c", "event_type": name, "event_id": number, "session_id": -1, "library": "amplitude-ts/2.1",
        "event_time": f"2026-01-05 10:00:{number:02d}.500000", "client_event_time": "2031-01-05 10:00:00.000000",
        "client_upload_time": "2031-01-05 10:00:01.000000", "server_received_time": "2026-01-05 10:01:00.000000",
        "server_upload_time": "2026-01-05 10:02:00.250000", "processed_time": "2026-01-05 10:03:00.000000",
        "event_properties": {"rows": number}, "user_properties": {}, "groups": {}, "group_properties": {},
        "country": "Germany", "platform": "Web", "data": {},
    } | more  # fmt: skip


def sent(number: int, name: str = "Report Created", **more: Any) -> dict[str, Any]:
    """A line of Mixpanel's raw export."""
    own = {"time": 1_767_607_200 + number, "distinct_id": "ada", "$insert_id": f"i{number}", "company": "w-acme"}
    return {"event": name, "properties": own | {"mp_processing_time_ms": 1_767_610_000_000} | more}


def lines(events: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def archive(path: Path, *hours: bytes) -> Path:
    """Amplitude's archive: a folder with one file for each hour, each of them gzip."""
    with zipfile.ZipFile(path, "w") as file:
        file.mkdir("187520")
        for hour, content in enumerate(hours):
            file.writestr(f"187520/187520_2026-01-05_{hour}#{hour}.json.gz", gzip.compress(content))
    return path


def bring(installation: Installation, source: str, *files: Path, timezone: str = "UTC") -> BackfillSummary:
    sources = read_sources(installation.home / "receiver.toml")
    return backfill(installation.home, sources[source], files, NOW, timezone)


@pytest.fixture
def receiver(install) -> Installation:
    return install(SOURCES)


def test_an_archive_of_amplitude_becomes_events_known_since_amplitude_knew_them(receiver, tmp_path: Path) -> None:
    known = {"user_properties": ADA, "groups": {"company": ["w-acme"]}, "group_properties": ACME}
    again = exported(2, **known) | {"uuid": "another", "server_upload_time": "2026-01-05 10:04:00"}
    page = exported(1, "[Amplitude] Page Viewed", user_id=None) | {
        "event_properties": {"[Amplitude] Page Path": "/docs"}
    }
    path = archive(tmp_path / "export.zip", lines([page, exported(2, **known)]), lines([again, exported(3, **known)]))
    summary = bring(receiver, "app", path)
    assert (summary.files, summary.lines, summary.kept, summary.states, summary.segments) == (2, 4, 4, 2, 1)
    receiver.load()
    assert receiver.rows("select * from receiver.quarantine") == []
    found = receiver.rows(
        """
        select
            message_id, event_type, event_name, user_id, anonymous_id, group_id, email, occurred_at, received_at,
            properties::json
        from receiver.events order by message_id
        """
    )
    acknowledged = datetime(2026, 1, 5, 10, 2, 0, 250_000)  # noqa: DTZ001 (UTC without a zone)

    def at(second: int) -> datetime:
        return datetime(2026, 1, 5, 10, 0, second, 500_000)  # noqa: DTZ001 (as above)

    def event(number: int) -> tuple[Any, ...]:
        who = ("ada", "d-5f3c", "w-acme", None, at(number), acknowledged)
        return (f"m-{number}", "track", "Report Created", *who, json.dumps({"rows": number}))

    state = ("ada", "d-5f3c", "w-acme")
    assert [(*row[:-1], json.dumps(json.loads(row[-1]))) for row in found] == [
        ("m-1", "page", "/docs", None, "d-5f3c", None, None, at(1), acknowledged, '{"[Amplitude] Page Path": "/docs"}'),
        event(2),
        ("m-2:group", "group", None, *state, None, at(2), acknowledged, json.dumps(ACME["company"]["w-acme"])),
        ("m-2:user", "identify", None, *state, ADA["email"], at(2), acknowledged, json.dumps(ADA)),
        event(3),
    ]


def test_an_archive_again_and_what_an_sdk_sent_already_add_nothing(receiver, tmp_path: Path) -> None:
    body = {"api_key": "KEY", "events": [{"event_type": "Report Created", "user_id": "ada", "insert_id": "m-2"}]}
    assert receiver.post("/app/2/httpapi", body).status == 200
    live = {"event": "Signed In", "properties": {"token": "KEY", "distinct_id": "ada", "$insert_id": "i1"}}
    live["properties"] |= {"time": 1_767_607_201.437}
    assert receiver.post("/mp/track?verbose=1", [live]).json()["status"] == 1
    receiver.load()
    path = archive(tmp_path / "export.zip", lines([exported(1), exported(2)]))
    other = tmp_path / "raw.ndjson.gz"
    # An id that a program gives to two events stays two events.
    other.write_bytes(gzip.compress(lines([sent(1, "Signed In"), sent(1, "Order Paid")])))
    loaded: list[int] = []
    for _ in range(2):
        bring(receiver, "app", path)
        bring(receiver, "mp", other)
        segments = receiver.load()
        assert [segment.acknowledged for segment in segments] == [2, 2]
        assert not any(segment.is_damaged or segment.quarantined for segment in segments)
        loaded.append(sum(segment.loaded for segment in segments))
    assert loaded == [2, 0]
    named = receiver.rows("select source, event_name from receiver.events where received_at < timestamp '2027-01-01'")
    assert sorted(named) == [("app", "Report Created"), ("mp", "Order Paid")]


def test_times_of_a_mixpanel_project_are_read_by_the_clock_of_its_zone(receiver, tmp_path: Path) -> None:
    path = tmp_path / "raw.json"
    # 10:00 by the clock of New York, which is 15:00 UTC in January and 14:00 in July; known when it was processed.
    winter, summer = 1_767_607_200, 1_783_245_600
    events = [
        sent(0, time=winter, mp_processing_time_ms=(winter + 6 * 3600) * 1000),
        sent(1, time=summer, mp_processing_time_ms=(summer + 5 * 3600) * 1000),
    ]
    path.write_bytes(b"\xef\xbb\xbf" + lines(events) + b"\n")
    bring(receiver, "mp", path, timezone="America/New_York")
    receiver.load()
    hours = "date_part('hour', occurred_at), date_part('hour', received_at), user_id, group_id"
    found = receiver.rows(f"select {hours} from receiver.events order by occurred_at")
    assert found == [(15, 16, "ada", "w-acme"), (14, 15, "ada", "w-acme")]
    with pytest.raises(BackfillRefused, match="Mars is no time zone"):
        bring(receiver, "mp", path, timezone="Mars")
    with pytest.raises(BackfillRefused, match="web accepts segment"):
        bring(receiver, "web", path)


def broken_gzip(content: bytes) -> bytes:
    return gzip.compress(content)[:-12]


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, content)
    return buffer.getvalue()


GOOD = lines([exported(1), exported(2)])


@pytest.mark.parametrize(
    ("source", "name", "content", "said"),
    [
        ("app", "export.zip", zipped("hour.json.gz", gzip.compress(GOOD))[:-30], "export.zip: cannot be read to its"),
        ("app", "export.zip", zipped("hour.json.gz", broken_gzip(GOOD)), "export.zip/hour.json.gz: cannot be read to"),
        ("app", "hour.json.gz", broken_gzip(GOOD), "hour.json.gz: cannot be read to its end"),
        ("app", "hour.json", GOOD[:-40], r"hour.json:2: not an event as amplitude exports it \("),
        ("app", "hour.json", GOOD + b"[1]\n", r"hour.json:3: not an event as amplitude exports it \("),
        ("app", "raw.json", lines([sent(1)]), r"raw.json:1: not an event as amplitude exports it \(no event_type"),
        ("mp", "hour.json", GOOD, r"hour.json:1: not an event as mixpanel exports it \(no event"),
        ("mp", "deep.json", lines([sent(1)]) + b"[" * 9000, r"deep.json:2: not an event as mixpanel exports it \("),
    ],
)
def test_an_archive_that_breaks_off_says_where_and_leaves_nothing(
    receiver, tmp_path: Path, source: str, name: str, content: bytes, said: str
) -> None:
    good, path = archive(tmp_path / "good.zip", GOOD), tmp_path / name
    path.write_bytes(content)
    before = sorted(receiver.home.rglob("*.sealed"))
    with pytest.raises(UnreadableFileError, match=said) as error:
        bring(receiver, source, *([good] if source == "app" else []), path)
    assert "Nothing was imported." in str(error.value)
    assert "ada" not in str(error.value)
    assert sorted(receiver.home.rglob("*.sealed")) == before == []
    assert sorted(receiver.home.rglob("*.open")) == []


def test_S6_the_gate_keeps_back_events_without_consent_and_of_forgotten_people(receiver, tmp_path: Path) -> None:
    forgotten = hashlib.sha256(b"user_id:bob").hexdigest()
    (receiver.home / "inbox" / "suppressed.txt").write_text(forgotten, encoding="ascii")
    agreed = {"event_properties": {"consent": True}, "user_properties": ADA}
    events = [exported(1, user_properties=ADA), exported(2, **agreed), exported(3, user_id="bob", **agreed)]
    summary = bring(receiver, "asking", archive(tmp_path / "export.zip", lines(events)))
    assert (summary.lines, summary.without_consent, summary.suppressed, summary.kept) == (3, 1, 1, 1)
    receiver.load()
    assert receiver.rows("select message_id from receiver.events order by 1") == [("m-2",), ("m-2:user",)]
    held = b"".join(path.read_bytes() for path in (receiver.home / "archive").iterdir())
    assert b"bob" not in held
    assert b"m-1" not in held


def test_what_a_killed_import_left_is_removed_and_two_do_not_meet(receiver, tmp_path: Path) -> None:
    left = receiver.home / "backfill" / "killed" / "1.sealed"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    path = archive(tmp_path / "export.zip", GOOD)
    sources = read_sources(receiver.home / "receiver.toml")

    def meet(file: str, lines: int) -> None:
        with pytest.raises(BackfillRefused, match="another import"):
            bring(receiver, "app", path)

    many = archive(tmp_path / "many.zip", lines([exported(1)]) * 10_000)
    summary = backfill(receiver.home, sources["app"], [many], NOW, progress=meet)
    assert summary.kept == 10_000
    assert not left.exists()
    assert sum(segment.loaded for segment in receiver.load()) == 1


def test_pql_backfill_says_what_waits_and_pql_load_takes_it(tmp_path: Path, monkeypatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "receiver.toml").write_text(SOURCES)
    monkeypatch.setenv("PQL_HOME", str(home))
    path = archive(tmp_path / "export.zip", GOOD)
    done = CliRunner().invoke(app, ["backfill", "app", str(path)])
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "Read 2 events from 1 files. 2 wait for `pql load`.")
    loaded = CliRunner().invoke(app, ["load"])
    assert "Loaded 2 events from 1 segments" in loaded.output
    path.write_bytes(path.read_bytes()[:-30])
    broken = CliRunner().invoke(app, ["backfill", "app", str(path)])
    assert broken.exit_code == 2
    assert CliRunner().invoke(app, ["backfill", "nobody", str(path)]).exit_code == 2
