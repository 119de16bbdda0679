"""What RevOps edits decides what a score becomes: the shipped CSV files, edited one by one, over a few accounts."""

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
    "bands": "{'segment': 'VARCHAR', 'minimum_score': 'INTEGER', 'minimum_confidence': 'DOUBLE'}",
    "rule_presets": "{'qualified_from': 'DOUBLE', 'hot_from': 'DOUBLE'}",
    "fit_criteria": "{'from': 'DOUBLE', 'below': 'DOUBLE', 'one_of': 'VARCHAR'}",
    "phrases": "{'text': 'VARCHAR'}",
    "costs": "{'value': 'DOUBLE'}",
    "signals": "{'polarity': 'INTEGER'}",
}
# account, kind, employees, industry, match confidence, score, rule points; the grade and day of the published run
ACCOUNTS = (
    ("acc_best", "company", 300, "Software", 0.9, 90, 85, "A", "2026-05-01", None),
    ("acc_unsure", "company", 300, "Software", 0.6, 90, 45, None, None, None),
    ("acc_slipping", "company", 60, "Retail", None, 76, 50, "A", "2026-05-01", "B"),
    ("acc_fallen", "company", 60, "Retail", None, 81, 50, "B", "2026-05-29", "A"),
    ("acc_new", "company", 20, None, None, 59, 39, None, None, None),
    ("ind_keen", "individual", None, None, None, 62, 69, "C", "2026-05-30", None),
)
TABLES = """
create table runs as select 'today' as run_id, 'running' as status, timestamp '2026-06-01 06:00:00' as started_at;
create table pointer as select 'before' as run_id;
create table as_of_dates as select date '2026-06-01' as as_of_date, true as is_scoring;
create table models as select 'm' as model_version, 'logistic' as rung;
create table given (
    account_id varchar, kind varchar, employees bigint, industry varchar, match_confidence double, score bigint,
    points double, grade varchar, entered_on date, grade_before varchar
);
create view predictions as
    select 'today' as run_id, account_id, date '2026-06-01' as as_of_date, 'm' as model_version, score / 10.0 as margin,
        score / 1000.0 as probability, score / 2000.0 as probability_low, score / 800.0 as probability_high, score
    from given;
create view history as
    select 'before' as run_id, account_id, date '2026-05-31' as as_of_date, 50 as score, grade,
        timestamp '2026-05-01' as band_entered_at, entered_on as band_entered_on, grade_before as previous_grade
    from given where grade is not null;
create view signal_contributions_by_run as
    select 'today' as run_id, account_id, 'pricing_viewed' as signal, score / 10.0 as contribution, 5.0 as points,
        'up' as direction, 'pricing page views (1 in the last 28 days)' as label, 'intent' as part, 1 as rank
    from given;
create view rule_points as select 'today' as run_id, account_id, points from given;
create view scoring_examples as
    select account_id, case kind when 'company' then 1 else 0 end as organisation__is_company,
        employees as company_size__employees, industry as industry__name, null::varchar as country__name,
        match_confidence as organisation__match_confidence, 0 as decision_makers__people_90d,
        0 as departments__represented_90d, 2 as team__people_28d, 3 as recency__days_since_last,
        0.5 as momentum__events, 1 as pricing_visits__events_28d, 0 as billing_visits__events_28d,
        0 as left_checkout__is_open, null::integer as trial__days_left, 0.9 as seats__utilisation
    from given;
create view account_segments as
    select
        'today' as run_id, account_id,
        case when employees >= 200 then 'enterprise' else 'self_serve' end as segment,
        case when employees >= 200 then 2 else 1 end as position
    from given where employees is not null
    union all
    select 'today', account_id, 'new', 3 from given;
create view account_cohort as select account_id, true as is_scoring, 'eligible' as cohort from given;
create table account_signal_metrics as select 'acc_best' as account_id, date '2026-06-01' as as_of_date,
    'pricing_viewed' as signal, 1 as events_28d;
create table expansion_score_history as
    select 'today' as run_id, 'acc_best' as account_id, true as is_ready where 1 = 0;
create table account_members (account_id varchar, confidence double);
create table training_examples as select true as is_won, true as is_mature, 10000.0 as amount;
"""

NEW = "Score 59 of 100, grade C. For: pricing page views (1 in the last 28 days)."
READY = "use is rising; close to its seat limit; 1 visit of the pricing or billing pages in the last 28 days"
# Borders for small companies: B begins lower, A higher; and for everybody who is no customer: all begin higher.
SMALL = "self_serve,A,85,0.7\nself_serve,B,55,0.5\nself_serve,C,40,0\nself_serve,D,20,0\nself_serve,E,0,0"
NEW_ONES = "new,A,95,0.7\nnew,B,90,0.5\nnew,C,80,0\nnew,D,20,0\nnew,E,0,0"

Scores = dict[str, dict[str, Any]]


@pytest.fixture
def scores(tmp_path: Path) -> Callable[..., tuple[Scores, Scores]]:
    """Scores by account and the plans of a week by name, with some texts of some files replaced."""

    def decide(**edits: tuple[str, str]) -> tuple[Scores, Scores]:
        folder = edited_seeds(tmp_path / "seeds", ((name, *edit) for name, edit in edits.items()))
        with duckdb.connect() as connection:
            load_seeds(connection, folder, SEEDS)
            connection.execute(TABLES)
            connection.executemany(f"insert into given values ({', '.join('?' * 10)})", ACCOUNTS)
            connection.execute(f"create table account_fit_tiers as {rendered('scores/account_fit_tiers.sql')}")
            model = rendered("scores/account_score_history.sql", this="history")
            connection.execute(f"create table account_scores as {model}")
            return (
                rows_by(connection, "select * from account_scores", "account_id"),
                rows_by(connection, rendered("reporting/sales_capacity.sql"), "plan"),
            )

    return decide


def rows_by(connection: duckdb.DuckDBPyConnection, query: str, key: str) -> Scores:
    rows = connection.execute(query).to_arrow_table().to_pylist()
    return {row[key]: row for row in rows}


def test_as_shipped_grades_hold_ask_for_confidence_and_tell_how_long(scores: Callable[..., tuple[Scores, Scores]]):
    found, plans = scores()

    assert {account: (row["grade"], row["earned_grade"]) for account, row in found.items()} == {
        "acc_best": ("A", "A"),
        "acc_unsure": ("B", "B"),
        "acc_slipping": ("A", "B"),
        "acc_fallen": ("B", "A"),
        "acc_new": ("C", "C"),
        "ind_keen": ("B", "B"),
    }
    assert (found["acc_slipping"]["days_in_band"], found["acc_slipping"]["previous_grade"]) == (31, "B")
    assert (found["ind_keen"]["days_in_band"], found["ind_keen"]["previous_grade"]) == (0, "C")
    assert {row["rule_verdict"] for row in (found["acc_best"], found["acc_unsure"], found["acc_new"])} == {
        "hot", "qualified", "below",
    }  # fmt: skip
    assert [found[name]["fit_tier"] for name in ("acc_best", "acc_unsure", "acc_slipping", "acc_new", "ind_keen")] == [
        "A", "B", "B", "C", "D",
    ]  # fmt: skip
    assert found["acc_new"]["summary"] == (f"{NEW} We are very sure of it (96 %). It came into this grade today.")
    assert found["acc_best"]["readiness_reasons"] == (f"active in the last 7 days; {READY}; grade A")
    assert plans["capacity"]["expected_margin"] >= max(
        plans["grade_a"]["expected_margin"], plans["grades_a_and_b"]["expected_margin"]
    )


def test_the_first_segment_by_position_that_has_borders_grades_and_holds(scores: Callable[..., tuple[Scores, Scores]]):
    found, _ = scores(bands=(",E,0,0", f",E,0,0\n{NEW_ONES}\n{SMALL}"))
    assert {account: (row["grade_segment"], row["grade"]) for account, row in found.items()} == {
        "acc_best": ("new", "A"),  # 90 points: held, for A begins at 95
        "acc_unsure": ("new", "B"),
        "acc_slipping": ("self_serve", "B"),  # 76 points: not held, for A begins at 85
        "acc_fallen": ("self_serve", "B"),
        "acc_new": ("self_serve", "B"),
        "ind_keen": ("new", "C"),  # 62 points: held for its two days in the grade, for C begins at 80
    }


@pytest.mark.parametrize(
    ("file", "text", "replacement", "account", "column", "expected"),
    [
        ("bands", "B,60,0.5", "B,55,0.5", "acc_new", "grade", "B"),
        ("bands", ",E,0,0", f",E,0,0\n{SMALL}", "acc_new", "grade", "B"),
        ("bands", ",E,0,0", f",E,0,0\n{SMALL}", "acc_new", "grade_segment", "self_serve"),
        ("bands", ",E,0,0", f",E,0,0\n{SMALL}", "acc_slipping", "grade", "B"),
        ("bands", ",E,0,0", f",E,0,0\n{NEW_ONES}", "acc_new", "grade", "D"),
        ("bands", ",E,0,0", f",E,0,0\n{NEW_ONES}", "ind_keen", "grade_segment", "new"),
        ("bands", "A,80,0.7", "A,80,0.6", "acc_unsure", "grade", "A"),
        ("settings", "band_margin,5", "band_margin,3", "acc_slipping", "grade", "B"),
        ("settings", "band_margin,5", "band_margin,0", "acc_fallen", "grade", "A"),
        ("settings", "band_minimum_days,7", "band_minimum_days,2", "acc_fallen", "grade", "A"),
        ("rule_presets", "true,40,70", "true,30,70", "acc_new", "rule_verdict", "qualified"),
        ("rule_presets", "true,40,70", "true,40,45", "acc_unsure", "rule_verdict", "hot"),
        ("fit_criteria", "match_confidence,0.7", "match_confidence,0.6", "acc_unsure", "fit_tier", "A"),
        ("fit_criteria", "Software|Finance", "Finance", "acc_best", "fit_tier", "B"),
        ("fit_criteria", "employees,1,50", "employees,1,20", "acc_new", "fit_tier", "D"),
        ("fit_criteria", "A,core,employees,200", "A,core,employees,301", "acc_best", "missing_for_best", "employees"),
        ("phrases", "It came into this grade today.", "Seit heute.", "acc_new", "summary",
         f"{NEW} We are very sure of it (96 %). Seit heute."),
        ("phrases", "active in the last 7 days", "busy", "acc_new", "readiness_reasons",
         f"busy; {READY}; grade C"),
        ("costs", "reps,2", "reps,0", "capacity", "accounts_worked", None),
        ("costs", "cost_per_account,60", "cost_per_account,800", "capacity", "accounts_worked", 3),
        ("costs", "deal_value,,", "deal_value,500,", "capacity", "accounts_worked", None),
    ],
)  # fmt: skip
def test_an_edited_file_changes_what_a_score_becomes(
    scores: Callable[..., tuple[Scores, Scores]],
    file: str,
    text: str,
    replacement: str,
    account: str,
    column: str,
    expected: Any,
):
    edited = {file: (text, replacement)}
    before, after = ({**found, **plans}.get(account, {}).get(column) for found, plans in (scores(), scores(**edited)))

    assert after == expected
    assert before != expected
