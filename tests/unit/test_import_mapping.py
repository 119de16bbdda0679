"""Every mistake in a mapping is refused before a file is read, and the message names the key."""

# ruff: noqa: DTZ001 (times in the tables are UTC without a zone)

import copy
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ingest.files import import_files
from ingest.mapping import MappingError, read_mapping

GOOD: dict[str, Any] = {
    "name": "src",
    "known_from": "event_time",
    "tables": {
        "events": [
            {
                "files": ["e.csv"],
                "csv": {"delimiter": ","},
                "columns": {"event_name": "name", "user_id": "user", "occurred_at": {"column": "at"}},
            }
        ]
    },
}
INPUT = "tables.events[0]"


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good mapping with one place set, or removed when the value is `...`."""
    mapping = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    place: Any = mapping
    for parent in parents:
        place = place[int(parent) if parent.isdigit() else parent]
    if value is ...:
        del place[last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return mapping


E0 = "tables.events.0"


@pytest.mark.parametrize(
    ("path", "value", "key", "message"),
    [
        ("nam", "x", "nam", "Did you mean 'name'"),
        ("name", ..., "name", "is missing"),
        ("name", "Src 1", "name", "Use only a-z"),
        ("name", 5, "name", "a number"),
        ("known_from", "someday", "known_from", "event_time or import_time"),
        ("known_from", {"available_at": "x"}, "known_from", "event_time or import_time"),
        ("tables", ..., "tables", "is missing"),
        ("tables", {}, "tables", "is empty"),
        ("tables.event", [], "tables.event", "Did you mean 'events'"),
        ("tables.events", [], "tables.events", "lists no input"),
        (E0, "e.csv", INPUT, "must be a mapping"),
        (f"{E0}.colums", {}, f"{INPUT}.colums", "Did you mean 'columns'"),
        (f"{E0}.files", ..., f"{INPUT}.files", "is missing"),
        (f"{E0}.files", [], f"{INPUT}.files", "is empty"),
        (f"{E0}.files", ["x*.csv"], f"{INPUT}.files[0]", "no file matches 'x*.csv'"),
        (f"{E0}.files", ["${NOT_SET_HERE}/x.csv"], f"{INPUT}.files[0]", "NOT_SET_HERE is not set"),
        (f"{E0}.files", ["mapping.yml"], f"{INPUT}.files[0]", "does not show in its name"),
        (f"{E0}.format", "xml", f"{INPUT}.format", "'xml' is no format"),
        (f"{E0}.format", "ndjson", f"{INPUT}.csv", "no file here is CSV"),
        (f"{E0}.properties", "some", f"{INPUT}.properties", "rest, none, or a list"),
        (f"{E0}.properties", ["nope"], f"{INPUT}.properties", "has no column 'nope'"),
        (f"{E0}.known_from", {"available": "x"}, f"{INPUT}.known_from.available", "available_at"),
        (f"{E0}.known_from", {"available_at": "seen"}, f"{INPUT}.known_from.available_at", "has no column 'seen'"),
        (f"{E0}.csv.sep", ";", f"{INPUT}.csv.sep", "is not a known key"),
        (f"{E0}.csv.delimiter", "::", f"{INPUT}.csv.delimiter", "one character"),
        (f"{E0}.csv.encoding", "utf-99", f"{INPUT}.csv.encoding", "no known encoding"),
        (f"{E0}.csv.encoding", "hex", f"{INPUT}.csv.encoding", "no known encoding"),
        (f"{E0}.csv.header", "no", f"{INPUT}.csv.header", "true or false"),
        (f"{E0}.csv.header", False, f"{INPUT}.csv.names", "is missing"),
        (f"{E0}.csv.names", ["a"], f"{INPUT}.csv.names", "beside a header"),
        (f"{E0}.columns", ..., f"{INPUT}.columns", "is missing"),
        (f"{E0}.columns.usr_id", "x", f"{INPUT}.columns.usr_id", "Did you mean 'user_id'"),
        (f"{E0}.columns.user_id", 5, f"{INPUT}.columns.user_id", "a number"),
        (f"{E0}.columns.user_id", "usr", f"{INPUT}.columns.user_id", "Did you mean 'user'"),
        (f"{E0}.columns.user_id", {"colum": "x"}, f"{INPUT}.columns.user_id.colum", "Did you mean 'column'"),
        (f"{E0}.columns.user_id", {"prefix": "x"}, f"{INPUT}.columns.user_id", "either `column` or `constant`"),
        (
            f"{E0}.columns.user_id",
            {"column": "user", "constant": "x"},
            f"{INPUT}.columns.user_id",
            "either `column` or `constant`",
        ),
        (
            f"{E0}.columns.user_id",
            {"column": "user", "format": "%Y"},
            f"{INPUT}.columns.user_id.format",
            "user_id is VARCHAR",
        ),
        (f"{E0}.columns.user_id", {"column": "user", "equals": "x"}, f"{INPUT}.columns.user_id.equals", "BOOLEAN"),
        (f"{E0}.columns.event_name", {"constant": True}, f"{INPUT}.columns.event_name.constant", "in quotes"),
        (
            f"{E0}.columns.event_name",
            {"constant": "x", "prefix": "y"},
            f"{INPUT}.columns.event_name.prefix",
            "no effect on a constant",
        ),
        (f"{E0}.columns.event_type", {"constant": "click"}, f"{INPUT}.columns.event_type.constant", "no event type"),
        (f"{E0}.columns.amount", {"constant": "12"}, f"{INPUT}.columns.amount.constant", "must be a number"),
        (f"{E0}.columns.occurred_at", ..., f"{INPUT}.columns.occurred_at", "Every row of events needs it"),
        (f"{E0}.columns.user_id", ..., f"{INPUT}.columns", "user_id, anonymous_id, group_id, email, domain"),
        (
            f"{E0}.columns.occurred_at",
            {"constant": "2024-01-01"},
            f"{INPUT}.columns.occurred_at.constant",
            "Map a column",
        ),
        (f"{E0}.columns.occurred_at.format", "%Q", f"{INPUT}.columns.occurred_at.format", "no usable time format"),
        (f"{E0}.columns.occurred_at.format", "%H:%M", f"{INPUT}.columns.occurred_at.format", "year, month and day"),
        (f"{E0}.columns.occurred_at.format", "%Y-%m-%d %Z", f"{INPUT}.columns.occurred_at.format", "%z"),
        (f"{E0}.columns.occurred_at.timezone", "Mars/Base", f"{INPUT}.columns.occurred_at.timezone", "no known zone"),
        (f"{E0}.columns.occurred_at.timezone", "Europe", f"{INPUT}.columns.occurred_at.timezone", "no known zone"),
    ],
)
def test_a_mistake_is_refused_by_its_key(tmp_path: Path, path: str, value: Any, key: str, message: str) -> None:
    (tmp_path / "e.csv").write_text("name,user,at\nn,u,2024-01-01\n")
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(changed(path, value), sort_keys=False))
    connection = duckdb.connect()
    with pytest.raises(MappingError) as caught:
        import_files(connection, tmp_path / "mapping.yml", datetime(2024, 6, 1))
    assert caught.value.key == key
    assert str(caught.value).startswith(f"{key}: ")
    assert message in str(caught.value)
    assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "not readable as YAML"),
        ("- a", "must be a mapping"),
        ("", "must be a mapping"),
        ("name: a\nname: b", "stands twice"),
        ("yes: a", "Put it in quotes"),
        ("? [a]\n: b", "not readable as YAML"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mapping.yml").write_text(text)
    with pytest.raises(MappingError, match=message):
        read_mapping(tmp_path / "mapping.yml")


def test_a_missing_mapping_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="there is no file"):
        read_mapping(tmp_path / "nothing.yml")


def test_enrichment_needs_its_time_only_under_event_time(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("domain\na.com\n")
    mapping = {"name": "x", "tables": {"companies": [{"files": ["c.csv"], "columns": {"domain": "domain"}}]}}
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    assert read_mapping(tmp_path / "mapping.yml").inputs[0].known_from.mode == "import_time"
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump({**mapping, "known_from": "event_time"}, sort_keys=False))
    with pytest.raises(MappingError, match=r"columns\.enriched_at: is missing, and known_from is event_time"):
        read_mapping(tmp_path / "mapping.yml")


def test_what_the_import_computes_may_not_be_mapped(tmp_path: Path) -> None:
    columns = {"opportunity_id": "a", "user_id": "b", "created_at": "c", "closed_available_at": "d"}
    mapping = {"name": "x", "tables": {"opportunities": [{"files": ["c.csv"], "columns": columns}]}}
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    with pytest.raises(MappingError, match="closed_available_at: is computed by the import"):
        read_mapping(tmp_path / "mapping.yml")


def test_files_by_variable_glob_and_default_are_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PQL_TEST_FOLDER", raising=False)
    for name in ("b.csv", "a.csv", "c[1].csv"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).write_text("name,user,at\n")
    files = ["${PQL_TEST_FOLDER:-data}/c[1].csv", "${PQL_TEST_FOLDER:-data}/*.csv"]
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(changed(f"{E0}.files", files), sort_keys=False))
    labels = [file.label for file in read_mapping(tmp_path / "mapping.yml").inputs[0].files]
    assert labels == ["data/c[1].csv", "data/a.csv", "data/b.csv"]
    monkeypatch.setenv("PQL_TEST_FOLDER", str(tmp_path / "data"))
    assert [file.label for file in read_mapping(tmp_path / "mapping.yml").inputs[0].files] == labels


def test_a_column_named_twice_in_a_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("name,user,at,at\n")
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(GOOD, sort_keys=False))
    with pytest.raises(MappingError, match="two columns named 'at'"):
        import_files(duckdb.connect(), tmp_path / "mapping.yml", datetime(2024, 6, 1))


def test_an_optional_column_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("name,user,at\nn,u,2024-01-01\n")
    mapping = changed(f"{E0}.columns.email", {"column": "mail", "optional": True})
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    connection = duckdb.connect()
    import_files(connection, tmp_path / "mapping.yml", datetime(2024, 6, 1))
    assert connection.execute("SELECT email, user_id FROM backend.events").fetchall() == [(None, "u")]
