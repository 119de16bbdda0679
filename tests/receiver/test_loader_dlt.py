"""The loader by dlt: what a direct load into DuckDB holds of the same segments, once, wherever it is killed."""

import json
import random
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from ingest.loader.load import SegmentSummary, accept_loss, load_into
from ingest.loader.warehouse import WarehouseRefused
from orchestration.cli import app
from orchestration.loading import store_for_loading
from tests.postgres_server import new_database, running_server
from tests.receiver.processes import was_killed
from tests.receiver.test_loader import FULL, LOADED_AT, fill, load, tables
from tests.receiver.test_loader_postgres import ODD, named, write_segment

pytest.importorskip("dlt", reason="dlt is not installed: pip install 'pql-scoring[dlt]'")
psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'pql-scoring[postgres]'")

# Loads, and dies at a step of ours, or instead of a method of dlt's, or after some seconds.
KILLED_LOAD = """
import os, signal, sys, threading
from datetime import datetime
from importlib import import_module
from pathlib import Path
from ingest.loader.load import load_into
from orchestration.loading import store_for_loading

home, into, wanted, left = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def step(name):
    global left
    if name == wanted:
        left -= 1
        if left < 0:
            die()

def begin_to_die(name):
    if wanted == "any":
        timer = threading.Timer(left, die)
        timer.daemon = True
        timer.start()
    elif wanted.startswith("dlt."):
        module, kind, method = wanted.rsplit(".", 2)
        kind = getattr(import_module(module), kind)
        of_dlt = getattr(kind, method)
        def counted(*arguments, **named):
            step(wanted)
            return of_dlt(*arguments, **named)
        setattr(kind, method, counted)

with store_for_loading(home, into) as store:
    begin_to_die(wanted)
    list(load_into(store, home, datetime(2027, 1, 15, 9), step))
"""
IN_DLT = ("dlt.pipeline.pipeline.Pipeline.load", "dlt.load.load.Load.complete_package")
PLACES = [  # the first four in any run of the tests: each takes ten seconds
    ("duckdb", "after insert"),
    ("duckdb", "after ledger"),
    ("duckdb", IN_DLT[1]),
    ("postgres", "after insert"),
    *(("duckdb", step) for step in ("after commit", IN_DLT[0])),
    *(("postgres", step) for step in ("after ledger", "after commit", *IN_DLT)),
]
SECONDS_OF_A_LOAD = 8.0


@dataclass(frozen=True)
class Destination:
    """An empty database, by dlt's name of its kind, and as the direct loader names it."""

    into: str
    address: str | None


MakeDestination = Callable[[Path], Destination]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_server() as folder:
        yield folder


@pytest.fixture(params=["duckdb", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def destination_of(kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MakeDestination:
    """Tells dlt of an empty database: the file of a home, or a new one of a server."""

    def make(home: Path) -> Destination:
        if kind == "duckdb":
            (home / "pql.duckdb").unlink(missing_ok=True)
            monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{home}/pql.duckdb")
            return Destination("dlt:duckdb", None)
        folder = request.getfixturevalue("postgres")
        name = new_database(folder)
        # dlt wants a host and a password; the server has a socket alone, which the last of the hosts names.
        by_dlt = f"postgresql://postgres:unasked@localhost/{name}?host={folder}"
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", by_dlt)
        return Destination("dlt:postgres", f"postgresql://postgres@/{name}?host={folder}")

    return make


@pytest.fixture
def into_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose own file is where dlt loads."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{home}/pql.duckdb")
    return home


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ids again in the next segment and in the same, one segment with a damaged record, and all that is odd."""
    home = tmp_path_factory.mktemp("filled")
    fill(home, segments=3, events=20)
    second = home / "inbox" / "000001.sealed"
    data = bytearray(second.read_bytes())
    data[data.rindex(b"m2") + 1] ^= 1
    second.write_bytes(data)
    again = [
        ("segment", named(name, event=str(event))) for event, name in enumerate(("m3", "twice", "twice", "thrice"))
    ]
    write_segment(home, "000003", [*again, ("segment", b"{}"), *again, *ODD])
    write_segment(home, "000004", [*again, ("segment", b"")])
    return home


@pytest.fixture(scope="module")
def direct(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple]]:
    """The tables of one clean load into DuckDB without dlt."""
    home = tmp_path_factory.mktemp("direct") / "home"
    shutil.copytree(filled, home)
    load(home)
    found = tables(home)
    assert len(found[2]) == 5
    assert any(row[6] > 0 for row in found[2]), "one segment is damaged"
    return found


@pytest.fixture
def home(filled: Path, tmp_path: Path) -> Path:
    shutil.copytree(filled, tmp_path / "home")
    return tmp_path / "home"


def load_by_dlt(home: Path, into: str, hours_later: int = 0) -> list[SegmentSummary]:
    with store_for_loading(home, into) as store:
        return list(load_into(store, home, LOADED_AT + timedelta(hours=hours_later)))


def load_by_dlt_and_die(home: Path, into: str, wanted: str, left: float) -> bool:
    """Whether it was killed."""
    return was_killed(KILLED_LOAD, str(home), into, wanted, str(left))


def assert_equal(found: list[list[tuple]], direct: list[list[tuple]]) -> None:
    """The same rows. A ledger by dlt counts an id that another segment brought, too, as loaded."""
    assert found[:2] == direct[:2]
    for ours, theirs in zip(found[2], direct[2], strict=True):
        assert ours[:3] + ours[4:5] + ours[6:] == theirs[:3] + theirs[4:5] + theirs[6:]
        assert ours[3] + ours[5] == theirs[3] + theirs[5]
        assert ours[3] >= theirs[3]


def test_L1_the_view_and_the_quarantine_hold_what_a_direct_load_holds(
    home: Path, filled: Path, direct: list[list[tuple]], destination_of: MakeDestination
) -> None:
    to = destination_of(home)
    summaries = load_by_dlt(home, to.into)
    assert_equal(tables(home, to.address), direct)
    assert [summary.deduplicated for summary in summaries] == [0, 0, 0, 5, 1]
    assert [summary.is_damaged for summary in summaries] == [False, True, False, False, False]
    assert [path.name for path in (home / "damaged").iterdir()] == ["000001.sealed"]
    assert list((home / "dlt").iterdir()) == []
    shutil.copytree(filled / "inbox", home / "inbox", dirs_exist_ok=True)
    assert load_by_dlt(home, to.into, 1) == [], "the ledger knows every segment"
    assert_equal(tables(home, to.address), direct)
    assert not list((home / "inbox").glob("0*"))
    with store_for_loading(home, to.into) as store:
        assert accept_loss(store, "000001", LOADED_AT)
    assert [row[8] for row in tables(home, to.address)[2]] == [None, LOADED_AT, None, None, None]


@pytest.mark.parametrize(("kind", "step"), PLACES if FULL else PLACES[:4], indirect=["kind"])
def test_L2_killed_at_each_point_a_load_ends_as_an_undisturbed_one(
    home: Path, direct: list[list[tuple]], destination_of: MakeDestination, step: str
) -> None:
    to = destination_of(home)
    assert load_by_dlt_and_die(home, to.into, step, 3 if step in IN_DLT else 1)
    events, _, segments = tables(home, to.address)
    assert {row[18] for row in events} <= {row[0] for row in segments}, "what is not in the ledger shows nowhere"
    assert len(list((home / "inbox").glob("0*"))) >= 5 - len(segments)
    load_by_dlt(home, to.into)
    assert_equal(tables(home, to.address), direct)
    assert not list((home / "inbox").glob("0*"))


def test_L1_killed_at_random_moments_the_tables_equal_those_of_one_clean_load(
    home: Path, filled: Path, direct: list[list[tuple]], destination_of: MakeDestination
) -> None:
    to, kills, moments = destination_of(home), 0, random.Random(7)  # noqa: S311
    while kills < (60 if FULL else 2):
        if load_by_dlt_and_die(home, to.into, "any", moments.uniform(0, SECONDS_OF_A_LOAD)):
            kills += 1
            continue
        assert_equal(tables(home, to.address), direct)
        shutil.rmtree(home)
        shutil.copytree(filled, home)
        to = destination_of(home)
    load_by_dlt(home, to.into)
    assert_equal(tables(home, to.address), direct)


def test_L2_what_a_kill_left_in_the_folder_of_dlt_is_not_loaded_in_the_place_of_another_segment(
    into_duckdb: Path,
) -> None:
    """dlt would load its pending package first, and take no other meanwhile."""
    write_segment(into_duckdb, "b", [("segment", named("late"))])
    assert load_by_dlt_and_die(into_duckdb, "dlt:duckdb", IN_DLT[0], 1)
    assert any((into_duckdb / "dlt" / "working").rglob("deliveries.*"))
    write_segment(into_duckdb, "a", [("segment", named("early"))])
    assert [summary.loaded for summary in load_by_dlt(into_duckdb, "dlt:duckdb")] == [1, 1]
    assert [row[4] for row in tables(into_duckdb)[0]] == ["early", "late"]


def test_a_row_that_is_there_stays_when_an_earlier_segment_comes_later(into_duckdb: Path, tmp_path: Path) -> None:
    """It was begun first by another receiver, and was not there yet when the later one was loaded."""
    other = tmp_path / "direct"
    for name, hours in (("b", 0), ("a", 1)):
        for home in (into_duckdb, other):
            write_segment(home, name, [("segment", named("id", event=name))])
        load_by_dlt(into_duckdb, "dlt:duckdb", hours)
        load(other)
    assert tables(into_duckdb)[0] == tables(other)[0]
    assert [(row[6], row[18]) for row in tables(into_duckdb)[0]] == [("b", "b")]


def test_what_an_unfinished_load_left_of_a_segment_is_replaced_where_nothing_takes_its_place(into_duckdb: Path) -> None:
    write_segment(into_duckdb, "a", [("segment", named("one")), ("segment", b"{}")])
    load_by_dlt(into_duckdb, "dlt:duckdb")
    with duckdb.connect(str(into_duckdb / "pql.duckdb")) as connection:
        connection.execute("update receiver.quarantine set segment = 'b'; update receiver.deliveries set segment = 'b'")
        connection.execute("delete from receiver.segments")
    write_segment(into_duckdb, "b", [("segment", named("two"))])
    load_by_dlt(into_duckdb, "dlt:duckdb")
    events, quarantine, _ = tables(into_duckdb)
    assert [row[4] for row in events] == ["two"]
    assert quarantine == []


def test_a_failed_job_leaves_the_segment_in_the_inbox_and_says_why(into_duckdb: Path) -> None:
    write_segment(into_duckdb, "a", [("segment", named("one"))])
    load_by_dlt(into_duckdb, "dlt:duckdb")
    with duckdb.connect(str(into_duckdb / "pql.duckdb")) as connection:
        connection.execute("create unique index one_of_each on receiver.deliveries (event_name)")
    write_segment(into_duckdb, "b", [("segment", named("two"))])
    with pytest.raises(WarehouseRefused, match="violates unique constraint"):
        load_by_dlt(into_duckdb, "dlt:duckdb")
    assert (into_duckdb / "inbox" / "b.sealed").exists()
    assert [row[0] for row in tables(into_duckdb)[2]] == ["a"]
    with duckdb.connect(str(into_duckdb / "pql.duckdb")) as connection:
        connection.execute("drop index receiver.one_of_each")
    assert [summary.loaded for summary in load_by_dlt(into_duckdb, "dlt:duckdb")] == [1]
    assert not (into_duckdb / "inbox" / "b.sealed").exists()


def test_a_database_that_is_loaded_directly_is_refused(into_duckdb: Path) -> None:
    write_segment(into_duckdb, "a", [("segment", named("one"))])
    load(into_duckdb)
    before = tables(into_duckdb)
    write_segment(into_duckdb, "b", [("segment", named("two"))])
    with pytest.raises(WarehouseRefused, match="by another way of loading"):
        load_by_dlt(into_duckdb, "dlt:duckdb")
    assert tables(into_duckdb) == before
    assert (into_duckdb / "inbox" / "b.sealed").exists()


def test_one_load_at_a_time_works_in_a_home(into_duckdb: Path) -> None:
    with (
        store_for_loading(into_duckdb, "dlt:duckdb"),
        pytest.raises(WarehouseRefused, match="under way"),
        store_for_loading(into_duckdb, "dlt:duckdb"),
    ):
        pass


def test_the_verb_loads_counts_a_loss_until_it_is_accepted_and_tells_the_gate_who_is_forgotten(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{tmp_path}/elsewhere.duckdb")
    with duckdb.connect(str(home / "pql.duckdb")) as own:
        own.execute("create schema privacy")
        own.execute("create table privacy.forgotten_identifiers as select 'aa' as identifier_hash")
    told = CliRunner().invoke(app, ["load", "--into", "dlt:duckdb"], env={"PQL_HOME": str(home)})
    assert told.exit_code == 1, "a segment is damaged"
    assert "000001 is damaged" in told.output
    assert (home / "inbox" / "suppressed.txt").read_text().split() == ["aa"]
    accepting = ["load", "--into", "dlt:duckdb", "--accept-loss"]
    assert CliRunner().invoke(app, [*accepting, "000001"], env={"PQL_HOME": str(home)}).exit_code == 0
    assert CliRunner().invoke(app, [*accepting, "another"], env={"PQL_HOME": str(home)}).exit_code == 2
    with duckdb.connect(str(tmp_path / "elsewhere.duckdb")) as warehouse:
        ledger = warehouse.execute(
            "select segment, loaded_at < loss_accepted_at from receiver.segments where loss_accepted_at is not null"
        )
        assert ledger.fetchall() == [("000001", True)]
    assert not (tmp_path / ".dlt").exists()


@pytest.mark.parametrize("asked_for", [False, True] if FULL else [False])
def test_dlt_tells_nobody_of_a_load_unless_somebody_asks_for_it(
    into_duckdb: Path, monkeypatch: pytest.MonkeyPatch, asked_for: bool
) -> None:
    monkeypatch.setenv("HOME", str(into_duckdb))  # telemetry keeps a number of the user's there
    monkeypatch.delenv("RUNTIME__DLTHUB_TELEMETRY", raising=False)  # a load in this process may have set it
    if asked_for:
        monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "true")
    write_segment(into_duckdb, "a", [("segment", named("one"))])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY_ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}")
        assert not load_by_dlt_and_die(into_duckdb, "dlt:duckdb", "never", 0)
        with nullcontext() if asked_for else pytest.raises(BlockingIOError):
            listening.accept()[0].close()
    assert len(tables(into_duckdb)[0]) == 1


def test_a_destination_without_sql_and_one_that_is_none_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", f"file://{tmp_path}/bucket")
    for into, reason in (("dlt:filesystem", "takes SQL"), ("dlt:nowhere", "nowhere"), ("dlt:snowflake", "credentials")):
        told = CliRunner().invoke(app, ["load", "--into", into], env={"PQL_HOME": str(tmp_path)})
        assert told.exit_code == 2
        assert reason in told.output


@pytest.mark.parametrize("password", ["s3cret", "p@s3cret", "s3cret/4", "s3cret%zz", "s3cret@/s3cret"])
def test_S7_no_error_shows_a_password(tmp_path: Path, password: str) -> None:
    address = f"postgresql://pql:{password}@127.0.0.1:1/nowhere"
    environment = {"PQL_HOME": str(tmp_path), "DESTINATION__POSTGRES__CREDENTIALS": address}
    told = CliRunner().invoke(app, ["load", "--into", "dlt:postgres"], env=environment)
    assert told.exit_code == 2
    assert "dlt:" in told.output
    assert "s3cret" not in told.output


@pytest.mark.skipif(not FULL, reason="dbt twice in two homes; PQL_TEST_FULL=1")
def test_staging_reads_what_dlt_loaded_as_what_was_loaded_directly(
    home: Path, filled: Path, tmp_path: Path, dbt: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "direct"
    shutil.copytree(filled, other)
    with store_for_loading(other) as store:
        list(load_into(store, other, LOADED_AT))
        assert accept_loss(store, "000001", LOADED_AT)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{home}/pql.duckdb")
    with store_for_loading(home, "dlt:duckdb") as store:
        list(load_into(store, home, LOADED_AT))
        assert accept_loss(store, "000001", LOADED_AT)
    staged = []
    for one in (home, other):
        dbt(one, "run", "--quiet", "--select", "stg_receiver__events")
        dbt(one, "test", "--quiet", "--select", "every_acknowledged_event_is_loaded")
        with duckdb.connect(str(one / "pql.duckdb")) as warehouse:
            staged.append(warehouse.execute("select * from staging.stg_receiver__events order by event_id").fetchall())
    assert staged[0] == staged[1]
    assert len(staged[0]) > 40
    assert json.loads(next(row[10] for row in staged[0] if row[0].endswith(":new")))["plan"] == 3


def test_a_time_before_christ_is_unknown_and_stops_nothing(tmp_path: Path, destination_of: MakeDestination) -> None:
    to = destination_of(tmp_path)
    for name, original in (("old", -(10**17) + 1), ("first", "0001-01-01T00:00:00Z"), ("none", None)):
        write_segment(tmp_path, name, [("segment", named(name, originalTimestamp=original)), ("segment", b"")])
    load_by_dlt(tmp_path, to.into)
    events, quarantine, _ = tables(tmp_path, to.address)
    first = datetime(1, 1, 1)  # noqa: DTZ001 (UTC without a zone)
    assert [(row[4], row[12]) for row in events] == [("first", first), ("none", None), ("old", None)]
    assert [row[5] for row in quarantine] == ["", "", ""]
