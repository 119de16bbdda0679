"""What RevOps edits decides which customers are ready to be asked: the shipped files, edited, over three customers."""

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
    "rule_presets": "{'qualified_from': 'DOUBLE', 'hot_from': 'DOUBLE'}",
    "phrases": "{'text': 'VARCHAR'}",
}
# customer, score, points by the rules, what its strongest signal does to the score
CUSTOMERS = (("acc_keen", 72, 80, 12.0), ("acc_nearly", 58, 55, 3.0), ("acc_quiet", 12, 10, -9.0))
TABLES = """
create table runs as select 'today' as run_id, 'running' as status, timestamp '2026-06-01 06:00:00' as started_at;
create table models as select 'm' as model_version, 'logistic' as rung;
create table given (account_id varchar, score bigint, points double, moved double);
create view expansion_predictions as
    select 'today' as run_id, account_id, date '2026-06-01' as as_of_date, 'm' as model_version, score / 10.0 as margin,
        score / 200.0 as probability, score / 400.0 as probability_low, score / 100.0 as probability_high, score
    from given;
create view expansion_rule_points as select 'today' as run_id, account_id, points from given;
create view expansion_contributions_by_run as
    select 'today' as run_id, account_id, 'limit_hits' as signal, moved as points, 1 as rank,
        case when moved > 0 then 'up' else 'down' end as direction,
        case when moved > 0 then 'limits reached (6 in the last 28 days)' else 'no limits reached' end as label
    from given;
"""


@pytest.fixture
def customers(tmp_path: Path) -> Callable[..., dict[str, dict[str, Any]]]:
    """Expansion scores by customer, with some texts of some files replaced."""

    def decide(**edits: tuple[str, str]) -> dict[str, dict[str, Any]]:
        folder = edited_seeds(tmp_path / "seeds", ((name, *edit) for name, edit in edits.items()))
        with duckdb.connect() as connection:
            load_seeds(connection, folder, SEEDS)
            connection.execute(TABLES)
            connection.executemany("insert into given values (?, ?, ?, ?)", CUSTOMERS)
            rows = connection.execute(rendered("scores/expansion_score_history.sql")).to_arrow_table().to_pylist()
        return {row["account_id"]: row for row in rows}

    return decide


def test_as_shipped_a_customer_is_ready_from_60_and_the_summary_says_why(customers: Callable[..., Any]):
    found = customers()
    assert {name: row["is_ready"] for name, row in found.items()} == {
        "acc_keen": True, "acc_nearly": False, "acc_quiet": False,
    }  # fmt: skip
    assert {name: row["rule_verdict"] for name, row in found.items()} == {
        "acc_keen": "hot", "acc_nearly": "qualified", "acc_quiet": "below",
    }  # fmt: skip
    assert found["acc_keen"]["summary"] == ("Expansion score 72 of 100. For: limits reached (6 in the last 28 days).")
    assert found["acc_quiet"]["summary"] == "Expansion score 12 of 100. Against: no limits reached."
    assert [found[name]["percentile"] for name in ("acc_quiet", "acc_nearly", "acc_keen")] == [0, 50, 100]


@pytest.mark.parametrize(
    ("file", "text", "replacement", "customer", "column", "expected"),
    [
        ("settings", "expansion_ready_from,60", "expansion_ready_from,55", "acc_nearly", "is_ready", True),
        ("settings", "expansion_ready_from,60", "expansion_ready_from,80", "acc_keen", "is_ready", False),
        ("rule_presets", "true,50,70,expansion", "true,60,70,expansion", "acc_nearly", "rule_verdict", "below"),
        ("rule_presets", "true,50,70,expansion", "true,50,90,expansion", "acc_keen", "rule_verdict", "qualified"),
        (
            "phrases", "Expansion score {score} of 100.", "Ausbau {score} von 100.", "acc_quiet", "summary",
            "Ausbau 12 von 100. Against: no limits reached.",
        ),
    ],
)  # fmt: skip
def test_an_edit_of_one_file_shows(
    customers: Callable[..., Any], file: str, text: str, replacement: str, customer: str, column: str, expected: Any
):
    before, after = customers()[customer][column], customers(**{file: (text, replacement)})[customer][column]
    assert before != after == expected
