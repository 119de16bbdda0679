"""The loader: exactly once wherever it is killed, what is damaged counted, what is odd set aside or kept."""

import json
import os
import shutil
from datetime import datetime
from itertools import count
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from ingest.loader.duckdb_warehouse import DuckDBWarehouse
from ingest.loader.load import (
    InTransactions,
    SegmentSummary,
    accept_loss,
    forget_old_archives,
    load_segments,
    write_suppressed,
)
from ingest.loader.read import Batch, read_segment
from ingest.loader.readable import set_aside_unreadable
from ingest.receiver.durable_log import DurableLog, Record
from ingest.receiver.records import pack
from ingest.receiver.storage import Folder
from ingest.vendors.contract import Envelope
from orchestration.loading import opened_for_loading
from tests.receiver.processes import was_killed
from tests.receiver.test_gate import SOURCES, basic, track

PROJECT = Path(__file__).resolve().parents[2]
FULL = bool(os.environ.get("PQL_TEST_FULL"))
LOADED_AT = datetime(2027, 1, 15, 9)  # noqa: DTZ001 (UTC without a zone)
RECEIVED = 1_800_000_000_000_000
STEPS = ("after insert", "after ledger", "after commit", "after archive")

# Loads, and dies at the n-th time that a step is reached.
KILLED_LOAD = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
import duckdb
from ingest.loader.duckdb_warehouse import DuckDBWarehouse
from ingest.loader.load import load_segments

home, wanted, left, into = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] or None

def step(name):
    global left
    if wanted in ("any", name):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

def load_into(warehouse):
    list(load_segments(warehouse, home, datetime(2027, 1, 15, 9), step))

if into:
    from ingest.loader.postgres_warehouse import open_postgres
    with open_postgres(into) as warehouse:
        load_into(warehouse)
else:
    with duckdb.connect(str(home / "pql.duckdb")) as connection:
        load_into(DuckDBWarehouse(connection))
"""


def fill(home: Path, segments: int, events: int) -> None:
    """Segments of a few events each; every second event comes again in the next segment, every fifth is odd."""
    names = count()
    log = DurableLog(Folder(home / "inbox"), lambda: f"{next(names):06d}")
    for segment in range(segments):
        for offset in (0, events // 2):
            items = [
                json.dumps(
                    track(segment * events // 2 + number) | ({"event": None} if number % 5 == 4 else {})
                ).encode()
                for number in range(offset, offset + events // 2)
            ]
            envelope = Envelope(RECEIVED + segment, "web", "segment", "batch")
            log.write([Record(pack(envelope, items), len(items))])
        if segment % 10 != 9:  # the writer of every tenth was killed
            log.seal()
        else:
            log = DurableLog(Folder(home / "inbox"), lambda: f"{next(names):06d}")


def tables(home: Path, into: str | None = None) -> list[list[tuple]]:
    with opened_for_loading(home, into) as warehouse:
        return [
            warehouse.execute(f"select * from receiver.{name} order by segment, {order}")
            for name, order in (("events", "item"), ("quarantine", "item"), ("segments", "segment"))
        ]


def load(home: Path, into: str | None = None) -> list[SegmentSummary]:
    with opened_for_loading(home, into) as warehouse:
        return list(load_segments(warehouse, home, LOADED_AT))


def load_and_die(home: Path, step: str, times: int, into: str = "") -> bool:
    """Whether it was killed."""
    return was_killed(KILLED_LOAD, str(home), step, str(times), into)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("filled")
    fill(home, segments=100 if FULL else 20, events=40)
    return home


@pytest.fixture(scope="module")
def clean(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple]]:
    home = tmp_path_factory.mktemp("clean") / "home"
    shutil.copytree(filled, home)
    load(home)
    found = tables(home)
    assert len(found[2]) == (100 if FULL else 20)
    return found


@pytest.mark.parametrize("step", STEPS)
def test_L2_killed_at_each_point_a_load_ends_as_an_undisturbed_one(
    filled: Path, clean: list[list[tuple]], tmp_path: Path, step: str
) -> None:
    home = tmp_path / "home"
    shutil.copytree(filled, home)
    assert load_and_die(home, step, 3)
    load(home)
    assert tables(home) == clean
    assert not list((home / "inbox").iterdir())
    assert len(list((home / "archive").iterdir())) == len(clean[2])


def test_L1_killed_again_and_again_the_tables_equal_those_of_one_clean_load(
    filled: Path, clean: list[list[tuple]], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(filled, home)
    kills = 0
    while kills < (200 if FULL else 10):
        if load_and_die(home, "any", kills % 7):
            kills += 1
            continue
        assert tables(home) == clean
        shutil.rmtree(home)
        shutil.copytree(filled, home)
    load(home)
    assert tables(home) == clean


def test_L6_each_segment_says_what_became_of_what_was_acknowledged(clean: list[list[tuple]]) -> None:
    for _, is_sealed, acknowledged, loaded, quarantined, deduplicated, damaged, _, _ in clean[2]:
        assert (acknowledged is None) != is_sealed
        assert loaded + quarantined + deduplicated == 40
        assert acknowledged in (None, 40)
        assert damaged == 0
        assert quarantined == 8
    assert {row[4] for row in clean[1]} == {"missing event"}


def test_L4_a_damaged_segment_gives_its_intact_prefix_and_the_loss_is_counted_until_accepted(tmp_path: Path) -> None:
    fill(tmp_path, segments=3, events=10)
    second = sorted((tmp_path / "inbox").iterdir())[1]
    data = bytearray(second.read_bytes())
    data[data.index(b"m12") + 1] ^= 1  # in the second record
    second.write_bytes(data)
    with duckdb.connect(str(tmp_path / "pql.duckdb")) as warehouse:
        summaries = list(load_segments(DuckDBWarehouse(warehouse), tmp_path, LOADED_AT))
        assert [summary.lost for summary in summaries] == [0, 5, 0]
        assert [summary.is_damaged for summary in summaries] == [False, True, False]
        assert summaries[1].damaged_bytes > 0
        assert summaries[1].loaded + summaries[1].quarantined + summaries[1].deduplicated == 5
        assert (tmp_path / "damaged" / second.name).exists()
        store = InTransactions(DuckDBWarehouse(warehouse))
        assert accept_loss(store, summaries[1].segment, LOADED_AT)
        assert not accept_loss(store, "another", LOADED_AT)


def test_a_segment_that_is_being_written_is_left_alone_and_taken_when_its_writer_is_gone(tmp_path: Path) -> None:
    log = DurableLog(Folder(tmp_path / "inbox"), lambda: "one")
    envelope = Envelope(RECEIVED, "web", "segment", "batch")
    log.write([Record(pack(envelope, [json.dumps(track()).encode()]), 1)])
    with duckdb.connect(str(tmp_path / "pql.duckdb")) as warehouse:
        assert list(load_segments(DuckDBWarehouse(warehouse), tmp_path, LOADED_AT)) == []
        log._let_go()
        assert [summary.loaded for summary in load_segments(DuckDBWarehouse(warehouse), tmp_path, LOADED_AT)] == [1]


def test_C5_an_event_without_an_id_gets_that_of_its_source_and_exact_bytes(install) -> None:
    receiver = install(SOURCES)
    nameless = {"type": "track", "event": "Did", "userId": "u"}
    for key, event in (("OLD", nameless), ("NEW", nameless), ("POLITE", nameless), ("OLD", nameless | {"userId": "v"})):
        agreed = {"consent": {"categoryPreferences": {"Analytics": True}}}
        assert receiver.post("/v1/batch", {"batch": [event], "context": agreed}, basic(key)).status == 200
        receiver.load()
    found = receiver.rows("select source, user_id from receiver.events order by 1, 2")
    assert found == [("polite", "u"), ("web", "u"), ("web", "v")]


@pytest.mark.parametrize(
    ("sent", "original", "hours"),
    [
        ("2020-01-01T10:00:00Z", "2020-01-01T09:00:00Z", 1),  # a clock years behind
        ("2031-01-01T10:00:00Z", "2031-01-01T09:00:00Z", 1),  # and years ahead
        ("2027-01-15T09:00:00Z", "2027-01-15T10:00:00Z", 0),  # the event after its sending
        (None, "2027-01-15T06:00:00Z", 2),
        (None, "2031-01-15T06:00:00Z", 0),
        (None, "0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 0),
        ("yesterday", "2027-01-15T06:00:00Z", 2),
        ("2027-01-15T08:00:00Z", "soon", 0),
        (1_800_000_000, 1_799_996_400_000, 1),  # seconds and milliseconds
        (1e308, -1e308, 0),
        (True, {"no": "time"}, 0),
        ({"no": "time"}, ["2027"], 0),
        (None, None, 0),
    ],
)
def test_C11_no_clock_drops_an_event_or_moves_it_after_it_was_received(install, sent, original, hours) -> None:
    receiver = install(SOURCES)
    event = track(1) | {"originalTimestamp": original}
    assert receiver.post("/v1/batch", {"batch": [event], "sentAt": sent}, basic("OLD")).status == 200
    receiver.load()
    ages = receiver.rows("select date_diff('second', occurred_at, received_at) / 3600 from receiver.events")
    assert ages == [(hours,)]


def test_schema_drift_never_breaks_a_load(install) -> None:
    receiver = install(SOURCES)
    drifting = [
        track(1, properties={"plan": "pro"}),
        track(2, properties={"plan": 3, "new": {"deep": [1, 2]}}),
        track(3, properties=["not", "an", "object"]),
        track(4, properties=None, context="no object", traits=7),
        track(5, properties={"big": 10**400, "a": 1, "b": "x"}, unheard={"of": 1}),
        track(6, userId=123, event=4.5),
    ]
    assert receiver.post("/v1/batch", {"batch": drifting}, basic("OLD")).status == 200
    receiver.load()
    found = dict(receiver.rows("select message_id, properties from receiver.events"))
    assert json.loads(found["m2"]) == {"plan": 3, "new": {"deep": [1, 2]}}
    assert json.loads(found["m3"]) == {"value": ["not", "an", "object"]}
    assert json.loads(found["m4"]) == {}
    assert receiver.rows("select user_id, event_name from receiver.events where message_id = 'm6'") == [("123", "4.5")]
    assert len(found) + len(receiver.rows("select * from receiver.quarantine")) == 6


def test_an_event_whose_properties_are_no_json_is_set_aside_and_its_neighbours_are_kept() -> None:
    envelope = Envelope(RECEIVED, "web", "segment", "batch")
    items = [json.dumps(track(number)).encode() for number in range(3)]
    batch = read_segment([pack(envelope, [*items, b"{}"])], "one")
    at = batch.events.schema.get_field_index("properties")
    broken = pa.array(["{}", '{"a": "\\ud800"}', '{"a": 1}'])
    judged = set_aside_unreadable(Batch(batch.events.set_column(at, "properties", broken), batch.bad))
    assert judged.events["item"].to_pylist() == [0, 2]
    assert judged.bad.select(["reason", "raw", "item"]).to_pylist()[1:] == [
        {"reason": "properties are no JSON", "raw": '{"a": "\\ud800"}', "item": 1}
    ]
    assert len(judged.bad) == 2


def test_hashes_of_forgotten_people_reach_the_gate_and_old_archives_go(tmp_path: Path) -> None:
    fill(tmp_path, segments=2, events=4)
    with duckdb.connect(str(tmp_path / "pql.duckdb")) as warehouse:
        assert write_suppressed([DuckDBWarehouse(warehouse)], tmp_path) == 0
        warehouse.execute("create schema privacy")
        warehouse.execute(
            "create table privacy.forgotten_identifiers as select 'aa' as identifier_hash union select 'bb'"
        )
        assert write_suppressed([DuckDBWarehouse(warehouse)], tmp_path) == 2
        assert (tmp_path / "inbox" / "suppressed.txt").read_text().split() == ["aa", "bb"]
        assert len(list(load_segments(DuckDBWarehouse(warehouse), tmp_path, LOADED_AT))) == 2
    assert forget_old_archives(tmp_path, keep_days=1) == 0
    for path in (tmp_path / "archive").iterdir():
        os.utime(path, (0, 0))
    assert forget_old_archives(tmp_path, keep_days=1) == 2
