"""The loader into PostgreSQL: what DuckDB holds of the same segments, once, wherever it is killed."""

import base64
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.loader.load import load_segments
from ingest.receiver.durable_log import DurableLog, Record
from ingest.receiver.records import pack
from ingest.receiver.storage import Folder
from ingest.vendors.contract import Envelope
from orchestration.cli import app
from orchestration.loading import opened_for_loading
from tests.postgres_server import new_database, running_server
from tests.receiver.test_gate import track
from tests.receiver.test_loader import FULL, LOADED_AT, RECEIVED, STEPS, fill, load, load_and_die, tables

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'pql-scoring[postgres]'")

Database = Callable[[], str]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """Makes an empty database; its address."""
    with running_server() as folder:
        yield lambda: f"postgresql://postgres@/{new_database(folder)}?host={folder}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("filled")
    fill(home, segments=100 if FULL else 20, events=40)
    return home


@pytest.fixture(scope="module")
def in_duckdb(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple]]:
    """The tables of one clean load into DuckDB."""
    home = tmp_path_factory.mktemp("duckdb") / "home"
    shutil.copytree(filled, home)
    load(home)
    return tables(home)


@pytest.fixture
def home(filled: Path, tmp_path: Path) -> Path:
    shutil.copytree(filled, tmp_path / "home")
    return tmp_path / "home"


def refill(home: Path, filled: Path) -> None:
    shutil.rmtree(home)
    shutil.copytree(filled, home)


def test_L1_the_same_segments_give_the_rows_that_duckdb_holds_and_that_were_acknowledged(
    home: Path, filled: Path, in_duckdb: list[list[tuple]], database: Database
) -> None:
    address = database()
    load(home, address)
    assert tables(home, address) == in_duckdb
    acknowledged = {  # `fill` begins segment n at event 20 n, and every fifth event has no name
        20 * segment + number for segment in range(len(in_duckdb[2])) for number in range(40) if number % 5 != 4
    }
    with opened_for_loading(home, address) as warehouse:
        found = [row[0] for row in warehouse.execute("select message_id from receiver.events")]
    assert sorted(found) == sorted(f"m{number}" for number in acknowledged)
    refill(home, filled)
    assert load(home, address) == [], "the ledger knows every segment"
    assert tables(home, address) == in_duckdb


@pytest.mark.parametrize("step", STEPS)
def test_L2_killed_at_each_point_a_load_ends_as_an_undisturbed_one(
    home: Path, in_duckdb: list[list[tuple]], database: Database, step: str
) -> None:
    address = database()
    assert load_and_die(home, step, 3, address)
    load(home, address)
    assert tables(home, address) == in_duckdb
    assert not [path for path in (home / "inbox").iterdir() if path.suffix != ".txt"]


def test_L1_killed_again_and_again_the_tables_equal_those_of_one_clean_load(
    home: Path, filled: Path, in_duckdb: list[list[tuple]], database: Database
) -> None:
    address, kills = database(), 0
    while kills < (200 if FULL else 6):
        if load_and_die(home, "any", kills % 7, address):
            kills += 1
            continue
        assert tables(home, address) == in_duckdb
        refill(home, filled)
        address = database()
    load(home, address)
    assert tables(home, address) == in_duckdb


def test_two_loads_at_once_add_an_event_once(tmp_path: Path, database: Database) -> None:
    """Two receivers took the same event; the second load comes to it while the first has not committed."""
    address = database()
    first, second = tmp_path / "first", tmp_path / "second"
    for home, name, event in ((second, "a", 2), (first, "b", 1), (second, "c", 1)):
        write_segment(home, name, [("segment", json.dumps(track(event)).encode())])
    with opened_for_loading(first, address) as one, opened_for_loading(second, address) as other:
        loading = load_segments(other, second, LOADED_AT)
        assert next(loading).loaded == 1
        rest = threading.Thread(target=list, args=(loading,))

        def go_on_with_the_other(step: str) -> None:
            if step == "after insert":
                rest.start()
                while rest.is_alive() and not is_waiting(address):
                    pass

        list(load_segments(one, first, LOADED_AT, go_on_with_the_other))
        rest.join()
    _, _, segments = tables(first, address)
    assert {row[0]: (row[3], row[5]) for row in segments} == {"a": (1, 0), "b": (1, 0), "c": (0, 1)}


def is_waiting(address: str) -> bool:
    with psycopg.connect(address) as looking:
        return bool(looking.execute("select 1 from pg_locks where not granted").fetchall())


def write_segment(home: Path, name: str, items: list[tuple[str, bytes]]) -> None:
    """One sealed segment of items, each with its vendor."""
    log = DurableLog(Folder(home / "inbox"), lambda: name)
    for vendor, item in items:
        call = {"segment": "batch", "snowplow": "tp2", "json": "json"}[vendor]
        log.write([Record(pack(Envelope(RECEIVED, "web", vendor, call), [item]), 1)])
    log.seal()


def named(name: str, **more: object) -> bytes:
    return json.dumps(track(1) | {"messageId": name} | more).encode()


SELF_DESCRIBED = json.dumps({"data": {"schema": "iglu:a/b/c/1", "data": {"a": "\0"}}}).encode()
ODD = [
    ("json", b'{"event": "Did", "id": "long' + os.urandom(5_000).hex().encode() + b'", "user_id": "u"}'),
    ("segment", named("new", properties={"plan": 3, "never_seen": {"deep": [1, None]}})),
    ("segment", named("huge", properties={"digits": 10**400, "small": -(2**63) - 1})),
    ("segment", named("exponent", properties={"a": 12345}).replace(b"12345", b"1e400000")),
    ("segment", named("copy", userId="\\N\t\\.\n\\.\r\"'", properties={"a": '\\.\n\\.\n,"'})),
    ("segment", named("emoji", userId="\U0001f600\uffff\u202e")),
    ("segment", named("early", originalTimestamp="0001-01-01T00:00:00Z")),
    ("segment", named("late", originalTimestamp="9999-12-31T23:59:59.999999Z")),
    ("segment", named("number", originalTimestamp=10**17 - 1)),
    ("segment", named("zero", properties={"a": "\0"})),
    ("segment", named("zero id", userId="a\0b")),
    ("segment", named("half", properties={"a": "\udc00"})),
    ("segment", named("half id", userId="\ud800")),
    ("segment", named("bytes") + b"\x00\xff"),
    ("segment", b"\x00\xed\xa0\x80"),
    ("segment", named("deep", properties={"a": 12345}).replace(b"12345", b"[" * 900 + b"]" * 900)),
    ("snowplow", json.dumps({"e": "ue", "uid": "u", "ue_px": base64.b64encode(SELF_DESCRIBED).decode()}).encode()),
]


def test_what_is_odd_is_kept_or_set_aside_as_in_duckdb_and_stops_nothing(tmp_path: Path, database: Database) -> None:
    items = [item for number, odd in enumerate(ODD) for item in (odd, ("segment", named(f"good {number}")))]
    write_segment(tmp_path / "one", "000000", items)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    address = database()
    load(tmp_path / "one")
    load(tmp_path / "two", address)
    assert tables(tmp_path / "two", address) == tables(tmp_path / "one")
    events, quarantine, _ = tables(tmp_path / "two", address)
    ids = {row[4] for row in events}
    assert len(events) + len(quarantine) == len(items)
    assert len([name for name in ids if name.startswith("good ")]) == len(ODD)
    assert {"new", "huge", "exponent", "copy", "emoji", "early", "late", "number", "deep"} <= ids
    assert sorted(row[4] for row in quarantine) == ["NUL character"] * 3 + ["invalid JSON"] * 4
    with opened_for_loading(tmp_path, address) as warehouse:
        casts = "select (properties::json ->> 'digits')::numeric from receiver.events where message_id = 'huge'"
        assert warehouse.execute(casts) == [(10**400,)]


def test_a_time_before_christ_is_kept_though_python_has_none(tmp_path: Path, database: Database) -> None:
    address = database()
    write_segment(tmp_path, "000000", [("segment", named("old", originalTimestamp=-(10**17) + 1))])
    load(tmp_path, address)
    with opened_for_loading(tmp_path, address) as warehouse:
        microseconds = "select (extract(epoch from original_at) * 1000000)::bigint from receiver.events"
        assert warehouse.execute(microseconds) == [(-(10**17) + 1,)]


def test_whom_either_warehouse_forgot_the_gate_refuses(tmp_path: Path, database: Database) -> None:
    address = database()
    for into, name in ((None, "aa"), (address, "bb")):
        with opened_for_loading(tmp_path, into) as warehouse:
            warehouse.execute("create schema privacy")
            warehouse.execute(f"create table privacy.forgotten_identifiers as select '{name}' as identifier_hash")
    load(tmp_path, address)
    assert (tmp_path / "inbox" / "suppressed.txt").read_text().split() == ["aa", "bb"]


@pytest.mark.parametrize(
    "password", ["s3cret", "p@s3cret", "s3cret/4", "s3cret#4", "s3cret?4", "s3cret%zz", ":s3cret", "s3cret@/s3cret"]
)
def test_S7_no_error_shows_a_password(tmp_path: Path, password: str) -> None:
    address = f"postgresql://pql:{password}@127.0.0.1:1/nowhere"
    told = CliRunner().invoke(app, ["load"], env={"PQL_HOME": str(tmp_path), "PQL_LOAD_INTO": address})
    assert told.exit_code == 2
    assert "PostgreSQL" in told.output or "postgresql://" in told.output
    assert "s3cret" not in told.output


def test_the_verb_loads_into_the_server_that_it_is_told(home: Path, database: Database) -> None:
    address = database()
    told = CliRunner().invoke(app, ["load", "--into", address], env={"PQL_HOME": str(home)})
    assert told.exit_code == 0
    assert "Loaded 336 events from 20 segments" in told.output
    assert not (home / "pql.duckdb").exists()
    told = CliRunner().invoke(app, ["load", "--into", "mysql://pql@host/base"], env={"PQL_HOME": str(home)})
    assert told.exit_code == 2
    assert "postgresql://" in told.output
