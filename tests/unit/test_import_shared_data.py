"""The import against files that no one in this project made."""

# ruff: noqa: DTZ001 (times in the tables are UTC without a zone)

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ingest.files import ImportSummary, import_files

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("PQL_SHARED_DATA", ROOT / ".." / "shared" / "data")).resolve()
NOW = datetime(2024, 9, 1)

pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared data folder is absent: set PQL_SHARED_DATA to where it is"
)


def counts(summary: ImportSummary) -> dict[str, tuple[int, int, int]]:
    return {table.table: (table.rows_read, table.rows_new, table.rows_unchanged) for table in summary.tables}


def import_twice(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ImportSummary, duckdb.DuckDBPyConnection]:
    monkeypatch.setenv("PQL_SHARED_DATA", str(SHARED))
    connection = duckdb.connect()
    first = import_files(connection, path, NOW)
    again = import_files(connection, path, NOW)
    assert all(table.rows_new == 0 and table.rows_read == table.rows_unchanged for table in again.tables)
    assert not any(table.quarantined for table in first.tables)
    return first, connection


def test_course_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / "tests/integration/course_platform/mapping.yml"
    summary, connection = import_twice(path, monkeypatch)
    # No two rows of student_engagement.csv are alike, so every one of the 74,246 is an event.
    assert counts(summary) == {
        "events": (74_246 + 40_979, 74_246 + 40_979, 0),
        "people": (40_979, 40_979, 0),
        "opportunities": (5_922, 5_922, 0),
    }
    select = "SELECT event_name, count(*), count(DISTINCT user_id) FROM backend.events GROUP BY ALL ORDER BY ALL"
    assert connection.execute(select).fetchall() == [("registered", 40_979, 40_979), ("watched", 74_246, 20_778)]
    late = "SELECT count(*) FROM backend.events WHERE available_at <> occurred_at"
    assert connection.execute(late).fetchone() == (0,)


def test_parch_posey(monkeypatch: pytest.MonkeyPatch) -> None:
    summary, connection = import_twice(ROOT / "tests/integration/parch_posey/mapping.yml", monkeypatch)
    assert counts(summary) == {
        "accounts": (351, 351, 0),
        "events": (9_073, 9_073, 0),
        "opportunities": (6_912, 6_912, 0),
    }
    first = "SELECT event_name, group_id, occurred_at FROM backend.events WHERE event_id = '1'"
    assert connection.execute(first).fetchone() == ("web_direct", "1001", datetime(2015, 10, 6, 17, 13, 58))
    total = connection.execute("SELECT sum(amount)::DECIMAL(18, 2)::VARCHAR FROM backend.opportunities").fetchone()
    assert total == ("23141511.83",)


def test_ravenstack_with_byte_order_marks_day_first_dates_and_repeated_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PQL_SHARED_DATA", str(SHARED))
    folder = "${PQL_SHARED_DATA}/ravenstack/ravenstack"
    day: dict[str, Any] = {"format": "%d-%m-%Y"}
    mapping = {
        "name": "ravenstack",
        "known_from": "event_time",
        "tables": {
            "accounts": [
                {
                    "files": [f"{folder}_accounts.csv"],
                    "columns": {"group_id": "account_id", "created_at": {"column": "signup_date", **day}},
                }
            ],
            "subscriptions": [
                {
                    "files": [f"{folder}_subscriptions.csv"],
                    "columns": {
                        "subscription_id": "subscription_id",
                        "group_id": "account_id",
                        "seats": "seats",
                        "amount_monthly": "mrr_amount",
                        "started_at": {"column": "start_date", **day},
                        "ended_at": {"column": "end_date", **day},
                    },
                }
            ],
            "events": [
                {
                    "files": [f"{folder}_feature_usage.csv"],
                    "columns": {
                        "event_id": "usage_id",
                        "event_name": "feature_name",
                        "group_id": "subscription_id",
                        "occurred_at": {"column": "usage_date", **day},
                    },
                }
            ],
        },
    }
    path = tmp_path / "mapping.yml"
    path.write_text(yaml.safe_dump(mapping, sort_keys=False))
    summary = import_files(duckdb.connect(), path, datetime(2026, 1, 1))
    assert counts(summary) == {
        "accounts": (500, 500, 0),
        "subscriptions": (5_000, 5_000, 0),
        "events": (25_000, 24_979, 21),
    }
    assert summary.tables[2].rows_ignored == 21
    assert all(file.notes == ("a UTF-8 byte order mark was removed",) for file in summary.files)
