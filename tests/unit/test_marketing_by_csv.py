"""What marketing edits decides who is marketing-qualified: the shipped files, edited, over three accounts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.unit.edited_seeds import edited_seeds, load_seeds
from tests.unit.rendered_models import WARNING, rendered

pytestmark = pytest.mark.filterwarnings(WARNING)

SEEDS = {
    "settings": "{'value': 'VARCHAR'}",
    "marketing_rules": "{'within_days': 'INTEGER', 'points': 'DOUBLE', 'cap': 'DOUBLE'}",
}
# account, channel, type, days before the as-of date, how often
TOUCHES = (
    ("acc_webinars", "Webinar", "Registration", 40, 3),  # 3 x 15, cut to 30
    ("acc_clicks", "email", "click", 10, 3),  # 3 x 5
    ("acc_clicks", "email", "click", 31, 9),  # too long ago
    ("acc_unheard_of", "carrier pigeon", "arrival", 1, 1),  # what no other line names
)
TABLES = """
create table runs as select 'today' as run_id, 'running' as status;
create table as_of_dates as select date '2026-06-01' as as_of_date, true as is_scoring;
create table touches (account_id varchar, channel varchar, touch_type varchar, days integer, times integer);
create view account_touches as
    select account_id, channel, touch_type, timestamp '2026-06-01' - to_days(days) as occurred_at,
        timestamp '2026-06-01' - to_days(days) as available_at
    from touches, generate_series(1, times);
create view account_cohort as select distinct account_id, date '2026-06-01' as as_of_date from touches;
create view account_score_history as
    select 'today' as run_id, account_id, as_of_date, 50 as score,
        case account_id when 'acc_webinars' then 'A' else 'C' end as grade
    from account_cohort;
"""


@pytest.fixture
def accounts(tmp_path: Path) -> Callable[..., dict[str, dict[str, Any]]]:
    """Marketing scores by account, with some texts of some files replaced."""

    def decide(**edits: tuple[str, str]) -> dict[str, dict[str, Any]]:
        folder = edited_seeds(tmp_path / "seeds", ((name, *edit) for name, edit in edits.items()))
        with duckdb.connect() as connection:
            load_seeds(connection, folder, SEEDS)
            connection.execute(TABLES)
            connection.executemany("insert into touches values (?, ?, ?, ?, ?)", TOUCHES)
            points = rendered("features/account_marketing_points.sql")
            connection.execute(f"create table account_marketing_points as {points}")
            rows = connection.execute(rendered("scores/marketing_scores.sql")).to_arrow_table().to_pylist()
        return {row["account_id"]: row for row in rows}

    return decide


def test_as_shipped_touches_count_within_their_days_up_to_their_cap(accounts: Callable[..., Any]):
    found = accounts()
    assert {name: (row["marketing_score"], row["agreement"]) for name, row in found.items()} == {
        "acc_webinars": (30, "both"),
        "acc_clicks": (15, "neither"),
        "acc_unheard_of": (2, "neither"),
    }


@pytest.mark.parametrize(
    ("file", "text", "replacement", "account", "column", "expected"),
    [
        ("settings", "mql_minimum_score,20", "mql_minimum_score,15", "acc_clicks", "agreement", "mql_only"),
        ("settings", "mql_minimum_score,20", "mql_minimum_score,31", "acc_webinars", "agreement", "pql_only"),
        ("marketing_rules", "webinar,registration,90,15,30", "webinar,registration,90,15,45", "acc_webinars",
         "marketing_score", 45),
        ("marketing_rules", "webinar,registration,90,15,30", "webinar,registration,30,15,30", "acc_webinars",
         "marketing_score", 0),
        ("marketing_rules", "email,click,30,5,20", "email,click,31,5,50", "acc_clicks", "marketing_score", 50),
    ],
)  # fmt: skip
def test_an_edit_of_one_file_shows(
    accounts: Callable[..., Any], file: str, text: str, replacement: str, account: str, column: str, expected: Any
):
    before, after = accounts()[account][column], accounts(**{file: (text, replacement)})[account][column]
    assert before != after == expected
