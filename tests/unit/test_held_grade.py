"""The macro that holds a grade against flapping, as it is: cases by hand, and daily scores that wander."""

from pathlib import Path

import duckdb
import jinja2
import numpy as np
import pyarrow as pa
import pytest

MACRO = Path(__file__).resolve().parents[2] / "macros" / "held_grade.sql"
MINIMUMS = {"A": 80, "B": 60, "C": 40, "D": 20, "E": 0}
ABOVE = {"A": None, "B": 80, "C": 60, "D": 40, "E": 20}
NAMES = (
    *("earned", "previous", "fell_from", "score", "minimum", "next_minimum"),
    *("confidence", "minimum_confidence", "days_held", "margin", "minimum_days"),
)
MARGIN, MINIMUM_DAYS = 5, 7


def held_grade_sql() -> str:
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - it makes SQL, not a page
    return environment.from_string(MACRO.read_text(encoding="utf-8")).module.held_grade(*NAMES)  # type: ignore[attr-defined]


CASES = [
    # earned, previous, fell_from, score, confidence, minimum_confidence, days_held -> grade
    (("B", None, None, 70, 0.9, 0.0, None), "B"),
    (("A", "B", None, 80, 0.9, 0.5, 0), "A"),
    (("A", "B", "C", 80, 0.9, 0.5, 2), "A"),
    (("A", "B", "A", 89, 0.9, 0.5, 2), "B"),
    (("A", "B", "A", 90, 0.9, 0.5, 2), "A"),
    (("A", "B", "A", 80, 0.9, 0.5, 8), "A"),
    (("B", "A", None, 75, 0.9, 0.7, 90), "A"),
    (("B", "A", None, 74, 0.9, 0.7, 90), "B"),
    (("D", "A", "B", 20, 0.9, 0.7, 7), "A"),
    (("D", "A", "B", 20, 0.9, 0.7, 8), "D"),
    (("B", "A", None, 95, 0.6, 0.7, 1), "B"),
    (("B", "A", None, 74, 0.9, 0.7, -3), "B"),
    (("B", "A", None, 74, 0.9, 0.7, None), "B"),
]


@pytest.mark.parametrize(("given", "expected"), CASES)
def test_a_grade_rises_at_once_and_falls_late_or_when_it_is_no_longer_sure_who_it_is(given: tuple, expected: str):
    earned, previous, fell_from, score, confidence, minimum_confidence, days_held = given
    row = [earned, previous, fell_from, score, MINIMUMS.get(previous), ABOVE.get(previous), confidence]
    columns = ", ".join(f"? as {name}" for name in NAMES)
    statement = f"select {held_grade_sql()} from (select {columns})"
    values = [*row, minimum_confidence, days_held, MARGIN, MINIMUM_DAYS]
    assert duckdb.execute(statement, values).fetchone() == (expected,)


def test_daily_noise_moves_no_account_back_and_forth():
    scores = wandering_scores(accounts=300, days=90)
    alone = np.vectorize(earned_by)(scores)

    assert changes_undone(alone) > 0.5
    assert changes_undone(held_by_the_macro(scores, alone)) < 0.02


def wandering_scores(accounts: int, days: int) -> np.ndarray:
    """A level of its own for each account that drifts slowly, and daily noise of two points about it."""
    random = np.random.default_rng(5)
    levels = random.uniform(0, 100, accounts) + random.normal(0, 0.5, (days, accounts)).cumsum(axis=0)
    return np.clip(np.round(levels + random.normal(0, 2, (days, accounts))), 0, 100)


def earned_by(score: float) -> str:
    return next(grade for grade, minimum in MINIMUMS.items() if score >= minimum)


def changes_undone(grades: np.ndarray) -> float:
    """The share of the changes of grade after which the account is back within seven days."""
    changes = undone = 0
    for days in grades.T:
        for day in range(1, len(days) - 7):
            if days[day] != days[day - 1]:
                changes += 1
                undone += days[day - 1] in days[day + 1 : day + 8]
    return undone / changes


def held_by_the_macro(scores: np.ndarray, alone: np.ndarray) -> np.ndarray:
    held = [alone[0]]
    since, fell_from = np.zeros(scores.shape[1], dtype=int), np.full(scores.shape[1], None, dtype=object)
    with duckdb.connect() as connection:
        for day in range(1, len(scores)):
            before = held[-1]
            columns = {
                "earned": alone[day].tolist(),
                "previous": before.tolist(),
                "fell_from": pa.array(fell_from.tolist(), pa.string()),
                "score": scores[day],
                "minimum": [MINIMUMS[grade] for grade in before],
                "next_minimum": pa.array([ABOVE[grade] for grade in before], pa.int64()),
                "confidence": np.ones(len(before)),
                "minimum_confidence": np.zeros(len(before)),
                "days_held": day - since,
                "margin": np.full(len(before), MARGIN),
                "minimum_days": np.full(len(before), MINIMUM_DAYS),
                "place": np.arange(len(before)),
            }
            connection.register("accounts", pa.table(columns))
            found = connection.execute(f"select {held_grade_sql()} from accounts order by place").fetchall()
            grade = np.array([row[0] for row in found])
            moved = grade != before
            since, fell_from = np.where(moved, day, since), np.where(moved, before, fell_from)
            held.append(grade)
    return np.array(held)
