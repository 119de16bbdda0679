"""What an import does to the tables: round trip, bad rows, formats, repetition, versions, crashes."""

# ruff: noqa: DTZ001 (times in the tables are UTC without a zone)

import csv
import gzip
import io
import json
import tempfile
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import readers, text_lines
from ingest.backend_tables import TABLES
from ingest.files import ImportSummary, import_files
from ingest.mapping import CsvDialect, Input, InputFile, KnownFrom, MappingError
from ingest.text_lines import UnreadableFileError

NOW = datetime(2024, 6, 1, 12)
EVENT_COLUMNS = {"event_id": "id", "event_name": "name", "user_id": "user", "occurred_at": "at"}


def write_mapping(folder: Path, tables: dict[str, Any], known_from: str = "event_time") -> Path:
    path = folder / "mapping.yml"
    path.write_text(
        yaml.safe_dump({"name": "src", "known_from": known_from, "tables": tables}, sort_keys=False), encoding="utf-8"
    )
    return path


def run(
    folder: Path,
    tables: dict[str, Any],
    connection: duckdb.DuckDBPyConnection | None = None,
    at: datetime = NOW,
    known_from: str = "event_time",
) -> tuple[ImportSummary, duckdb.DuckDBPyConnection]:
    connection = connection or duckdb.connect()
    return import_files(connection, write_mapping(folder, tables, known_from), at), connection


def import_text(folder: Path, text: str | bytes, name: str = "events.csv", **options: Any) -> Any:
    content = text.encode() if isinstance(text, str) else text
    (folder / name).write_bytes(content)
    return run(folder, {"events": [{"files": [name], "columns": EVENT_COLUMNS, **options}]})


def contents(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    names = [*TABLES, "quarantine", "imports"]
    return {
        name: connection.execute(f"SELECT rowid, * FROM backend.{name} ORDER BY rowid").fetchall() for name in names
    }


def quarantine(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, str, str]]:
    return connection.execute("SELECT line, reason, raw FROM backend.quarantine ORDER BY line").fetchall()


def rows_of(connection: duckdb.DuckDBPyConnection, select: str, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {select} FROM backend.{table} ORDER BY rowid").fetchall()


# Round trip

nasty = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ['"', '""', '","', "a\nb", "a\r\nb", "\r", "😀", "שלום", "\u202eabc", "'; drop table x; --", "\\", "\\u0000"]
    ),
    st.text(alphabet='",\n\r\\ \t;é😀\0', max_size=8),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.tuples(nasty, nasty, nasty), max_size=12),
    batch=st.integers(1, 5),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_row_of_a_csv_comes_back_exactly_or_is_quarantined(
    rows: list[tuple[str, str, str]], batch: int, end: str
) -> None:
    text = io.StringIO(newline="")
    # Python 3.11 leaves a lone carriage return bare unless the line ends with one, or all is quoted.
    quoting = csv.QUOTE_ALL if end == "\n" else csv.QUOTE_MINIMAL
    writer = csv.writer(text, lineterminator=end, quoting=quoting)
    writer.writerow(["id", "name", "user", "at", 'extra "key"'])
    for index, (name, user, extra) in enumerate(rows):
        writer.writerow([index, name, user, "2024-01-02", extra])
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "BATCH_ROWS", batch)
        patch.setattr(text_lines, "BLOCK_BYTES", batch * 8)
        summary, connection = import_text(Path(folder), text.getvalue())
    stored = {row[0]: row[1:] for row in rows_of(connection, "event_id, event_name, user_id, properties", "events")}
    expected = {
        str(index): (name, user, {'extra "key"': extra} if extra else {})
        for index, (name, user, extra) in enumerate(rows)
        if name and user and "\0" not in name + user + extra
    }
    assert {key: (name, user, json.loads(rest)) for key, (name, user, rest) in stored.items()} == expected
    table = summary.tables[0]
    assert table.rows_read == len(rows)
    assert table.rows_read == table.rows_new + table.rows_unchanged + sum(table.quarantined.values())
    assert len(quarantine(connection)) == len(rows) - len(expected)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(st.tuples(nasty, json_values), min_size=1, max_size=8), ascii_only=st.booleans())
def test_every_row_of_an_ndjson_file_comes_back_exactly_or_is_quarantined(
    rows: list[tuple[str, Any]], ascii_only: bool
) -> None:
    lines = [
        json.dumps(
            {"id": str(index), "name": name, "user": "u", "at": "2024-01-02", "extra": extra},
            ensure_ascii=ascii_only,
            allow_nan=True,
        )
        for index, (name, extra) in enumerate(rows)
    ]
    with tempfile.TemporaryDirectory() as folder:
        summary, connection = import_text(Path(folder), "\n".join(lines), "events.ndjson")
    stored = dict(rows_of(connection, "event_id, [event_name, properties]", "events"))
    table = summary.tables[0]
    assert table.rows_read == len(rows) == len(stored) + len(quarantine(connection))
    for index, (name, extra) in enumerate(rows):
        no_numbers: list[str] = []  # Infinity as a number is no JSON; as a text it is one like any other
        json.loads(lines[index], parse_constant=no_numbers.append)
        faulty = not name or "\\u0000" in json.dumps([name, extra]).replace("\\\\", "") or bool(no_numbers)
        if faulty:
            assert str(index) not in stored
        else:
            found_name, found_properties = stored[str(index)]
            assert found_name == name
            assert json.loads(found_properties) == ({} if extra is None else {"extra": extra})


def test_a_csv_of_one_column_may_hold_quoted_emptiness(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('domain\na.com\n""\n\nb.com\n')
    summary, connection = run(tmp_path, {"accounts": [{"files": ["a.csv"], "columns": {"domain": "domain"}}]})
    assert rows_of(connection, "domain, _line", "accounts") == [("a.com", 2), ("b.com", 5)]
    assert quarantine(connection) == [(3, "missing domain", '""')]
    assert summary.tables[0].rows_read == 3


pieces = st.lists(
    st.sampled_from(["a", "1", ",", ",", "\n", "\n", "\r\n", "\r", '"', "é", "\0", " ", "\ufeff"]), max_size=40
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pieces=pieces, wrong=st.integers(0, 40), header=st.booleans(), zipped=st.booleans())
def test_the_fast_reader_and_the_careful_one_agree(pieces: list[str], wrong: int, header: bool, zipped: bool) -> None:
    parts = [piece.encode() for piece in pieces]
    parts[wrong:wrong] = [b"\xff"] if wrong < len(parts) else []
    content = (b"one,two\n" if header else b"") + b"".join(parts)
    dialect = CsvDialect(header=header, names=() if header else ("one", "two"))
    item = Input("i", TABLES["events"], (), dialect, (), "rest", KnownFrom("event_time"))

    def read(block_bytes: int, fast: bool) -> list[tuple[int, str, str]]:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            path = Path(folder) / "x.csv"
            path.write_bytes(gzip.compress(content) if zipped else content)
            patch.setattr(text_lines, "BLOCK_BYTES", block_bytes)
            if not fast:
                patch.setattr(readers, "_plain_rows", lambda *_: None)
            found: list[tuple[int, str, str]] = []
            for batch in readers.read_batches(item, InputFile(path, "x.csv", "csv")):
                for index, (line, properties) in enumerate(zip(batch.lines, batch.properties.to_pylist(), strict=True)):
                    found.append((line, properties, batch.raw(index)))
                found += [(row.line, row.reason, row.raw) for row in batch.bad]
            return sorted(found)

    careful = read(1 << 20, fast=False)
    for block_bytes in (1, 7, 30):
        assert read(block_bytes, fast=True) == careful


def test_the_fast_reader_takes_plain_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = "1,n,u,2024-01-01\r\n2,é,,\n".encode()
    rows = readers._plain_rows(plain, CsvDialect(), ("a", "b", "c", "d"))
    assert rows is not None
    assert rows.to_pylist()[1] == {"a": "2", "b": "é", "c": "", "d": ""}


# Bad rows

HEAD = "id,name,user,at\n1,first,u,2024-01-01\n"
TAIL = "\n9,last,u,2024-01-03\n"


@pytest.mark.parametrize(
    ("bad", "line", "reason", "raw"),
    [
        (",n,u,2024-01-01", 3, "missing event_id (id)", ",n,u,2024-01-01"),
        ("2,,u,2024-01-01", 3, "missing event_name (name)", "2,,u,2024-01-01"),
        ("2,n,,2024-01-01", 3, "missing user_id", "2,n,,2024-01-01"),
        ("2,n,u,", 3, "missing occurred_at (at)", "2,n,u,"),
        ("2,n,u,yesterday", 3, "unreadable time in occurred_at (at)", "2,n,u,yesterday"),
        ("2,n,u,2024-02-30", 3, "unreadable time in occurred_at (at)", "2,n,u,2024-02-30"),
        ("2,n,u", 3, "wrong width: too few fields", "2,n,u"),
        ("2,n,u,2024-01-01,x", 3, "wrong width: too many fields", "2,n,u,2024-01-01,x"),
        ('2,"n\nm\no",u', 3, "wrong width: too few fields", '2,"n\nm\no",u'),
        ('2,"n\n\xe9",u,2024-13-01', 3, "unreadable time in occurred_at (at)", '2,"n\né",u,2024-13-01'),
        (b"2,caf\xe9,u,2024-01-01", 3, "undecodable bytes", "2,caf\\xe9,u,2024-01-01"),
        (b'2,"a\ncaf\xff",u,2024-01-01', 3, "undecodable bytes", '2,"a\ncaf\\xff",u,2024-01-01'),
        ("2,n\0m,u,2024-01-01", 3, "NUL character", "2,n\\x00m,u,2024-01-01"),
        ('2,"n"m,u,2024-01-01', 3, "text after a closing quote", '2,"n"m,u,2024-01-01'),
        ("2,n\rm,u,2024-01-01", 3, "carriage return outside quotes", "2,n\rm,u,2024-01-01"),
        ('2,"never closed,u,2024-01-01', 3, "quote never closed", '2,"never closed,u,2024-01-01'),
        ("\n\n2,n,u,", 5, "missing occurred_at (at)", "2,n,u,"),
        ("2,n,u,2024-06-03", 3, "occurred_at lies in the future", "2,n,u,2024-06-03"),
    ],
)
def test_a_bad_csv_row_is_set_aside_with_its_line(
    tmp_path: Path, bad: str | bytes, line: int, reason: str, raw: str
) -> None:
    content = HEAD.encode() + (bad if isinstance(bad, bytes) else bad.encode()) + TAIL.encode()
    summary, connection = import_text(tmp_path, content)
    assert quarantine(connection) == [(line, reason, raw)]
    assert rows_of(connection, "event_id", "events") == [("1",), ("9",)]
    assert dict(summary.tables[0].quarantined) == {reason: 1}
    last = (content.count(b"\n"),)
    assert rows_of(connection, "_line", "events")[1] == last


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "invalid JSON"),
        ("[" * 100_000, "invalid JSON"),
        ('{"id": NaN}', "invalid JSON"),
        ("[1]", "JSON line is not an object"),
        ("3", "JSON line is not an object"),
        (b'{"id": "\xff"}', "undecodable bytes"),
        ('{"id": "a\\u0000"}', "NUL character"),
        ('{"id": "a\\ud800"}', "undecodable bytes"),
        ('{"name": "n", "user": "u", "at": "2024-01-01"}', "missing event_id (id)"),
        ('{"id": "5", "name": "n", "user": "u", "at": true}', "unreadable time in occurred_at (at)"),
    ],
)
def test_a_bad_ndjson_row_is_set_aside_with_its_line(tmp_path: Path, bad: str | bytes, reason: str) -> None:
    good = '{"id": 1, "name": "n", "user": "u", "at": "2024-01-01"}\n\n'
    _, connection = import_text(tmp_path, good.encode() + (bad if isinstance(bad, bytes) else bad.encode()), "e.jsonl")
    assert [row[:2] for row in quarantine(connection)] == [(3, reason)]
    assert rows_of(connection, "event_id, _line", "events") == [("1", 1)]


def test_bad_parquet_rows_are_set_aside_with_their_number(tmp_path: Path) -> None:
    names = pa.array([b"ok", b"caf\xe9", b"a\0b", b"ok"], pa.binary()).view(pa.string())
    table = pa.table({"id": ["1", "2", "3", None], "name": names, "user": ["u"] * 4, "at": [date(2024, 1, 1)] * 4})
    pq.write_table(table, tmp_path / "e.parquet")
    summary, connection = run(tmp_path, {"events": [{"files": ["e.parquet"], "columns": EVENT_COLUMNS}]})
    assert [row[:2] for row in quarantine(connection)] == [
        (2, "undecodable bytes"),
        (3, "NUL character"),
        (4, "missing event_id (id)"),
    ]
    assert json.loads(quarantine(connection)[0][2])["name"] == "caf\\xe9"
    assert summary.tables[0].rows_read == 4


def test_a_line_above_the_limit_costs_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.text_lines.MAX_LINE", 64)
    monkeypatch.setattr(readers, "MAX_LINE", 64)
    _, connection = import_text(tmp_path, HEAD + "2," + "x" * 1000 + ",u,2024-01-01" + TAIL)
    assert [row[:2] for row in quarantine(connection)] == [(3, "line longer than 64 characters")]
    assert rows_of(connection, "event_id, _line", "events") == [("1", 2), ("9", 4)]


def test_a_number_or_flag_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(
        "id,user,at,won,amount\n1,u,2024-01-01,TRUE,1e3\n2,u,2024-01-01,maybe,1\n3,u,2024-01-01,no,$5\n"
        "4,u,2024-01-01,0,1e999\n5,u,2024-01-01,,-.5\n6,u,2024-01-01,,nan\n"
    )
    columns = {"opportunity_id": "id", "user_id": "user", "created_at": "at", "is_won": "won", "amount": "amount"}
    _, connection = run(tmp_path, {"opportunities": [{"files": ["o.csv"], "columns": columns}]})
    assert rows_of(connection, "opportunity_id, is_won, amount", "opportunities") == [
        ("1", True, 1000.0),
        ("5", None, -0.5),
    ]
    assert [row[:2] for row in quarantine(connection)] == [
        (3, "unreadable true or false in is_won (won)"),
        (4, "unreadable number in amount"),
        (5, "unreadable number in amount"),
        (7, "unreadable number in amount"),
    ]


# Files

ROWS = [
    {"id": "1", "name": "nä", "user": "u", "at": "2024-01-01T10:00:00Z", "n": 3, "deep": {"a": [1, None]}},
    {"id": "2", "name": "b", "user": "v", "at": "2024-01-01T12:00:00+02:00", "n": None, "deep": None},
]


def _write(path: Path, kind: str) -> None:
    if kind == "csv":
        lines = ["id,name,user,at,n", "1,nä,u,2024-01-01T10:00:00Z,3", "2,b,v,2024-01-01T12:00:00+02:00,"]
        path.write_text("\n".join(lines), encoding="utf-8")
    elif kind == "ndjson":
        path.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    else:
        at = [datetime(2024, 1, 1, 10, tzinfo=UTC)] * 2
        table = pa.Table.from_pylist(ROWS).drop_columns(["at"]).append_column("at", pa.array(at))
        pq.write_table(table.set_column(0, "id", table["id"].dictionary_encode()), path)


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize("zipped", [False, True])
def test_each_format_reads_the_same_with_and_without_gzip(tmp_path: Path, kind: str, zipped: bool) -> None:
    path = tmp_path / f"e.{kind}"
    _write(path, kind)
    if zipped:
        (tmp_path / f"e.{kind}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    summary, connection = run(tmp_path, {"events": [{"files": ["e.*"], "columns": EVENT_COLUMNS}]})
    ten = datetime(2024, 1, 1, 10)
    assert rows_of(connection, "event_id, event_name, user_id, occurred_at, available_at, _line", "events") == [
        ("1", "nä", "u", ten, ten, 2 if kind == "csv" else 1),
        ("2", "b", "v", ten, ten, 3 if kind == "csv" else 2),
    ]
    properties = [json.loads(row[0]) for row in rows_of(connection, "properties", "events")]
    structured = {"n": 3, "deep": {"a": [1, None]}}
    assert properties == [{"n": "3"} if kind == "csv" else structured, {}]
    assert summary.files[0].file == (f"e.{kind}.gz" if zipped else f"e.{kind}")


@pytest.mark.parametrize("name", ["events.csv", "events.ndjson"])
def test_a_byte_order_mark_is_removed_and_told(tmp_path: Path, name: str) -> None:
    text = HEAD if name.endswith("csv") else '{"id": 1, "name": "n", "user": "u", "at": "2024-01-01"}\n'
    summary, connection = import_text(tmp_path, b"\xef\xbb\xbf" + text.encode(), name)
    assert rows_of(connection, "event_id", "events") == [("1",)]
    assert summary.files[0].notes == ("a UTF-8 byte order mark was removed",)
    assert not quarantine(connection)


def test_dialect_encoding_and_a_missing_header(tmp_path: Path) -> None:
    content = "1;'caf\xe9;x';u;2024-01-01\n".encode("cp1252")
    dialect = {
        "delimiter": ";",
        "quote": "'",
        "encoding": "cp1252",
        "header": False,
        "names": [*EVENT_COLUMNS.values()],
    }
    _, connection = import_text(tmp_path, content, csv=dialect)
    assert rows_of(connection, "event_name, _line", "events") == [("café;x", 1)]


def test_utf_16_and_tabs(tmp_path: Path) -> None:
    content = HEAD.replace(",", "\t").encode("utf-16")
    _, connection = import_text(tmp_path, content, "e.tsv", csv={"delimiter": "\t", "encoding": "utf-16"})
    assert rows_of(connection, "event_id, event_name", "events") == [("1", "first")]


def test_nested_keys_of_ndjson_are_reached_by_dots(tmp_path: Path) -> None:
    (tmp_path / "e.ndjson").write_text('{"id": 1, "at": "2024-01-01", "context": {"traits": {"email": "a@b.c"}}}')
    columns = {"event_id": "id", "event_name": {"constant": "x"}, "occurred_at": "at", "email": "context.traits.email"}
    _, connection = run(tmp_path, {"events": [{"files": ["e.ndjson"], "columns": columns}]})
    assert rows_of(connection, "email", "events") == [("a@b.c",)]


@pytest.mark.parametrize("name", ["e.csv.gz", "e.parquet"])
def test_a_file_that_breaks_off_is_an_error_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    whole = gzip.compress((HEAD + TAIL * 10_000).encode())
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    connection = duckdb.connect()
    with pytest.raises(UnreadableFileError, match=name):
        run(tmp_path, {"events": [{"files": [name], "columns": EVENT_COLUMNS}]}, connection)
    assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


@pytest.mark.parametrize("choice", ["rest", "none", ["plan"]])
def test_properties_keep_what_is_asked_for(tmp_path: Path, choice: Any) -> None:
    _, connection = import_text(tmp_path, "id,name,user,at,plan,x\n1,n,u,2024-01-01,pro,y\n", properties=choice)
    expected = {"rest": {"plan": "pro", "x": "y"}, "none": {}}.get(str(choice), {"plan": "pro"})
    assert [json.loads(row[0]) for row in rows_of(connection, "properties", "events")] == [expected]


# Repetition and versions


def test_a_second_import_of_the_same_files_changes_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(HEAD + "2,n,u,never" + TAIL + "1,other,u,2024-01-01\n")
    (tmp_path / "a.csv").write_text("id,plan\na,free\na,pro\nb,free\n,\n")
    tables = {
        "events": [{"files": ["e.csv"], "columns": EVENT_COLUMNS}],
        "accounts": [{"files": ["a.csv"], "columns": {"group_id": "id"}}],
    }
    for known_from in ("event_time", "import_time"):
        first, connection = run(tmp_path, tables, known_from=known_from)
        before = contents(connection)
        second, _ = run(tmp_path, tables, connection, NOW + timedelta(days=1), known_from)
        assert contents(connection) == before
        assert [(table.rows_new, table.rows_unchanged, table.rows_ignored) for table in first.tables] == [
            (2, 1, 1),
            (3, 0, 0),
        ]
        assert [(table.rows_new, table.rows_unchanged, table.rows_ignored) for table in second.tables] == [
            (0, 3, 1),
            (0, 3, 0),
        ]
        assert [dict(table.quarantined) for table in first.tables] == [
            dict(table.quarantined) for table in second.tables
        ]


def test_identical_rows_without_an_id_are_one_row_whatever_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,user,at\nn,u,2024-01-01\nn,u,2024-01-01\n")
    (tmp_path / "b.csv").write_text("at,user,name\n2024-01-01,u,n\n")
    columns = {name: column for name, column in EVENT_COLUMNS.items() if name != "event_id"}
    summary, connection = run(tmp_path, {"events": [{"files": ["a.csv", "b.csv"], "columns": columns}]})
    assert rows_of(connection, "event_id = _row_key, _row_key = _row_hash", "events") == [(True, True)]
    assert (summary.tables[0].rows_read, summary.tables[0].rows_new, summary.tables[0].rows_unchanged) == (3, 1, 2)


def test_a_changed_entity_is_a_new_version_and_so_is_its_way_back(tmp_path: Path) -> None:
    connection = duckdb.connect()
    columns = {"opportunity_id": "id", "group_id": "g", "created_at": "at", "stage": "stage"}
    for day, stage in enumerate(("open", "won", "won", "open", "open")):
        (tmp_path / "o.csv").write_text(f"id,g,at,stage\n7,g,2024-01-01,{stage}\n")
        tables = {"opportunities": [{"files": ["o.csv"], "columns": columns}]}
        run(tmp_path, tables, connection, NOW + timedelta(days=day), "import_time")
    assert rows_of(connection, "_row_key, stage, _version, _imported_at, available_at", "opportunities") == [
        ("7", stage, version, NOW + timedelta(days=day), NOW + timedelta(days=day))
        for version, (day, stage) in enumerate(((0, "open"), (1, "won"), (3, "open")), start=1)
    ]


def test_versions_that_carry_their_own_time_may_arrive_in_any_order(tmp_path: Path) -> None:
    connection = duckdb.connect()
    item = {
        "columns": {"group_id": "id", "name": "name"},
        "known_from": {"available_at": {"column": "seen", "format": "epoch_s"}},
    }
    files = {"new.csv": "id,name,seen\na,A,300\na,B,200\n", "old.csv": "id,name,seen\na,A,100\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for name in (*files, *files):
        run(tmp_path, {"accounts": [{"files": [name], **item}]}, connection)
    assert rows_of(connection, "name, epoch(available_at)::int", "accounts") == [("A", 300), ("B", 200), ("A", 100)]


def test_of_an_event_the_first_version_stays(tmp_path: Path) -> None:
    _, connection = import_text(tmp_path, HEAD)
    (tmp_path / "events.csv").write_text(HEAD.replace("first", "changed"))
    tables = {"events": [{"files": ["events.csv"], "columns": EVENT_COLUMNS}]}
    summary, _ = run(tmp_path, tables, connection)
    assert rows_of(connection, "event_name", "events") == [("first",)]
    assert (summary.tables[0].rows_unchanged, summary.tables[0].rows_ignored) == (1, 1)


# Time


def test_when_a_row_counts_as_known(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(
        "id,u,c,d,w,k\n1,u,2024-01-01,2024-02-01,Won,2024-03-01\n2,u,2024-01-01,,Open,2023-01-01\n"
    )
    columns = {
        "opportunity_id": "id",
        "user_id": "u",
        "created_at": "c",
        "closed_at": "d",
        "is_won": {"column": "w", "equals": "Won"},
        "is_closed": {"column": "w", "equals": ["Won", "Lost"]},
    }
    day = {month: datetime(2024, month, 1) for month in (1, 2, 3)}
    expected = {
        "event_time": [(True, True, day[1], day[2]), (False, False, day[1], None)],
        "import_time": [(True, True, NOW, NOW), (False, False, NOW, None)],
        "column": [(True, True, day[3], day[3]), (False, False, day[1], None)],
    }
    for known_from, rows in expected.items():
        item: dict[str, Any] = {"files": ["o.csv"], "columns": columns}
        item["known_from"] = {"available_at": "k"} if known_from == "column" else known_from
        _, connection = run(tmp_path, {"opportunities": [item]})
        assert rows_of(connection, "is_won, is_closed, available_at, closed_available_at", "opportunities") == rows


def test_entities_without_a_time_are_known_from_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\na\n")
    tables = {"accounts": [{"files": ["a.csv"], "columns": {"group_id": "id"}}]}
    _, connection = run(tmp_path, tables)
    assert rows_of(connection, "available_at", "accounts") == [(datetime(1970, 1, 1),)]
    _, connection = run(tmp_path, tables, known_from="import_time")
    assert rows_of(connection, "available_at", "accounts") == [(NOW,)]


def test_the_moment_of_import_is_kept_in_utc(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(HEAD)
    at = datetime(2024, 6, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    _, connection = run(tmp_path, {"events": [{"files": ["e.csv"], "columns": EVENT_COLUMNS}]}, at=at)
    assert rows_of(connection, "_imported_at", "events") == [(NOW,)]


# Crashes


def test_a_crash_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", 1)
    (tmp_path / "e.csv").write_text(HEAD + "2,n,u,never" + TAIL)
    path = write_mapping(tmp_path, {"events": [{"files": ["e.csv"], "columns": EVENT_COLUMNS}]})
    connection = duckdb.connect(str(tmp_path / "x.duckdb"))

    def crash(_: str, rows: int) -> None:
        if rows == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_files(connection, path, NOW, crash)
    assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
    seen: list[tuple[str, int]] = []
    import_files(connection, path, NOW, lambda file, rows: seen.append((file, rows)))
    assert seen[-1] == ("e.csv", 3)
    before = contents(connection)
    (tmp_path / "e.csv").write_text(HEAD + "5,n,u,2024-01-05\n6,n,u,2024-01-05\n")
    with pytest.raises(KeyboardInterrupt):
        import_files(connection, path, NOW, crash)
    assert contents(connection) == before
    assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchone() == (0,)


def test_an_ndjson_file_in_which_no_row_has_a_mapped_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e.ndjson").write_text('{"id": 1, "name": "n", "usr": "u", "at": "2024-01-01"}\n')
    connection = duckdb.connect()
    with pytest.raises(MappingError, match=r"columns\.user_id: e\.ndjson has no column 'user'.*'usr'"):
        run(tmp_path, {"events": [{"files": ["e.ndjson"], "columns": EVENT_COLUMNS}]}, connection)
    assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
