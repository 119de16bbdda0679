"""The ledger, the pointer and the published file, without dbt: what a crash may leave and what readers see."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from warehouse.connection import Backend, WarehouseBusy, WarehouseMissing, open_published, open_working
from warehouse.published_file import write_published_file
from warehouse.reference_lists import public_suffixes
from warehouse.runs import publish_run, published_run, running_run, start_run
from warehouse.tables import query, replace_rows

NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - times in the warehouse are UTC without a zone
CONTENT = {"scores.numbers_by_run": ("account_id", "score")}


@pytest.fixture
def backend(tmp_path: Path):
    with open_working(tmp_path) as opened:
        opened.con.execute("create schema scores")
        opened.con.execute("create table scores.numbers_by_run (run_id varchar, account_id varchar, score integer)")
        opened.con.execute("create schema ml")
        opened.con.execute("create table ml.predictions (run_id varchar, as_of_date date)")
        yield opened


def run_with(backend: Backend, run_id: str, score: int) -> None:
    start_run(backend, run_id, NOON)
    backend.con.execute("insert into scores.numbers_by_run values (?, 'acc_1', ?)", [run_id, score])


def test_publishing_moves_the_pointer_once_there_is_news(backend: Backend):
    run_with(backend, "one", 50)
    assert publish_run(backend, "one", NOON, CONTENT).changed
    run_with(backend, "two", 50)
    unchanged = publish_run(backend, "two", NOON, CONTENT)
    run_with(backend, "three", 51)
    changed = publish_run(backend, "three", NOON, CONTENT)

    assert (unchanged.changed, unchanged.run_id) == (False, "one")
    assert (changed.changed, published_run(backend)) == (True, "three")
    assert query(backend, "select status from publishing.runs order by run_id") == [
        {"status": "published"}, {"status": "published"}, {"status": "unchanged"},
    ]  # fmt: skip


def test_a_row_that_appears_twice_is_news(backend: Backend):
    run_with(backend, "one", 50)
    publish_run(backend, "one", NOON, CONTENT)
    run_with(backend, "two", 50)
    backend.con.execute("insert into scores.numbers_by_run values ('two', 'acc_1', 50)")

    assert publish_run(backend, "two", NOON, CONTENT).changed


def test_a_new_run_marks_the_one_that_a_crash_left_as_failed(backend: Backend):
    start_run(backend, "dead", NOON)
    start_run(backend, "alive", NOON)

    assert running_run(backend)[0] == "alive"
    assert query(backend, "select reason from publishing.runs where run_id = 'dead'") == [
        {"reason": "ended without a word"}
    ]


def test_the_published_file_holds_one_run_under_plain_names(backend: Backend, tmp_path: Path):
    run_with(backend, "one", 50)
    publish_run(backend, "one", NOON, CONTENT)
    backend.con.execute("insert into ml.predictions values ('one', '2026-01-01'), ('failed', '2026-01-02')")
    backend.con.execute(
        "create view scores.numbers as select * from scores.numbers_by_run "
        "where run_id = (select run_id from publishing.pointer)"
    )
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "pql.writing").write_bytes(b"what a crash left")

    write_published_file(backend, tmp_path)

    with open_published(tmp_path) as published:
        assert query(published, "select account_id, score from scores.numbers") == [
            {"account_id": "acc_1", "score": 50}
        ]
        assert query(published, "select run_id from ml.predictions") == [{"run_id": "one"}]
        assert not query(published, "select 1 from information_schema.tables where table_name like '%_by_run'")
    assert [path.name for path in (tmp_path / "published").iterdir()] == ["pql.duckdb"]


def test_a_reader_keeps_the_file_it_opened_while_a_new_one_takes_its_place(backend: Backend, tmp_path: Path):
    run_with(backend, "one", 50)
    publish_run(backend, "one", NOON, CONTENT)
    write_published_file(backend, tmp_path)
    reader = subprocess.Popen(
        [sys.executable, "-c", f"""
import duckdb, sys
connection = duckdb.connect({str(tmp_path / 'published' / 'pql.duckdb')!r}, read_only=True)
print("open", flush=True)
sys.stdin.readline()
print(connection.execute("select run_id from publishing.runs").fetchall())
"""],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reader.stdout is not None
    assert reader.stdout.readline() == "open\n"

    run_with(backend, "two", 51)
    publish_run(backend, "two", NOON, CONTENT)
    write_published_file(backend, tmp_path)

    output, _ = reader.communicate("go on\n")
    assert output.strip() == "[('one',)]"


def test_replacing_rows_is_all_tables_or_none(backend: Backend):
    replace_rows(backend, "ml", {"left": pa.table({"run_id": ["a"], "n": [1]})}, "run_id", "a")

    with pytest.raises(Exception, match=r"(?i)conver|cast"):
        replace_rows(
            backend,
            "ml",
            {
                "left": pa.table({"run_id": ["a"], "n": [2]}),
                "right": pa.table({"run_id": ["a"], "n": [1]}),
            }
            | {"left2": pa.table({"run_id": ["a"], "n": [1]})}
            | {"predictions": pa.table({"run_id": ["a"], "as_of_date": ["not a date"]})},
            "run_id",
            "a",
        )

    assert query(backend, "select run_id, n from ml.left") == [{"run_id": "a", "n": 1}]


def test_the_working_file_has_one_process_at_a_time(backend: Backend, tmp_path: Path):
    backend.con.execute("select 1")
    other = subprocess.run(
        [sys.executable, "-c", f"""
from pathlib import Path
from warehouse.connection import WarehouseBusy, open_working
try:
    with open_working(Path({str(tmp_path)!r})):
        print("opened")
except WarehouseBusy as error:
    print("busy:", error)
"""],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert other.stdout.startswith("busy:")
    assert WarehouseBusy.__doc__


def test_nothing_published_is_said_so(tmp_path: Path):
    with pytest.raises(WarehouseMissing, match="pql run"), open_published(tmp_path):
        pass


def test_public_suffixes_hold_every_kind_of_rule_in_both_spellings():
    rules = set(zip(*public_suffixes().to_pydict().values(), strict=True))

    assert {("co.uk", "normal"), ("ck", "wildcard"), ("www.ck", "exception"), ("github.io", "normal")} <= rules
    assert {("公司.cn", "normal"), ("xn--55qx5d.cn", "normal")} <= rules
