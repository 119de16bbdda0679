"""What the simulated company is worth to whoever follows the scores: by its true probabilities, and day by day."""

import os
from datetime import UTC, datetime
from functools import cache
from unittest.mock import patch

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from rendered_models import WARNING, rendered
from simulated_year import Year, simulated_days, simulated_year
from test_held_grade import MINIMUMS, changes_undone, earned_by, held_by_the_macro
from test_ml_simulated_company import RULES

from demo.period import DAYS
from ml.bands import grades_of
from ml.calibrate import apply_calibration
from ml.fitted import margins
from ml.register import Model
from ml.scale import to_score
from ml.train import train

FULL = os.environ.get("PQL_TEST_FULL") == "1"
ACCOUNTS, HORIZON = 3_000, 90
SEEDS = tuple(range(10)) if FULL else (3,)
TRAINED_AT = datetime(2026, 7, 1, tzinfo=UTC)
LEARNED_UNTIL = np.datetime64("2026-02-01")
COSTS = {"cost_per_account": 60.0, "deal_value": 8_000.0, "share_due_to_sales": 1.0, "accounts_per_rep": 20.0}


@cache
def learned(seed: int) -> tuple[Model, Year]:
    """A model of the first seven months, and the year."""
    year = simulated_year(ACCOUNTS, seed, HORIZON)
    with patch("ml.boosting.MAX_ROUNDS", 40):
        trained = train(year.dataset.rows(year.dataset.dates <= LEARNED_UNTIL), RULES, HORIZON, TRAINED_AT)
    return trained.model, year


def plans_of_a_week(scores: np.ndarray, probabilities: np.ndarray, margin: np.ndarray, reps: int) -> dict[str, dict]:
    """What the model `sales_capacity` makes of these accounts."""
    accounts = pa.table(
        {
            "account_id": [f"a{number}" for number in range(len(scores))],
            "grade": grades_of(MINIMUMS, scores).tolist(),
            "score": scores,
            "probability": probabilities,
            "margin": margin,
            "cohort": ["eligible"] * len(scores),
        }
    )
    costs = {**COSTS, "reps": float(reps)}
    with duckdb.connect() as connection:
        connection.register("account_scores", accounts)
        connection.register("costs", pa.table({"cost": list(costs), "value": list(costs.values())}))
        connection.execute("create table training_examples (is_won boolean, is_mature boolean, amount double)")
        found = connection.execute(rendered("reporting/sales_capacity.sql")).to_arrow_table().to_pylist()
    return {row["plan"]: row for row in found}


@pytest.mark.filterwarnings(WARNING)
@pytest.mark.parametrize("reps", [1, 3, 10])
def test_what_capacity_chooses_is_truly_worth_more_than_fixed_grades(reps: int, record_property):
    """By the true probabilities. Of a list longer than the week any accounts are worked, so its mean counts."""
    worth = {"grade_a": 0.0, "grades_a_and_b": 0.0, "capacity": 0.0}
    for seed in SEEDS:
        model, year = learned(seed)
        for day in np.unique(year.dataset.dates[year.dataset.dates > LEARNED_UNTIL + np.timedelta64(HORIZON, "D")]):
            today = year.dataset.dates == day
            margin = margins(model.fitted, year.dataset.X[today])
            scores, probabilities = (
                to_score(model.scale, margin),
                apply_calibration(model.calibration, margin).probability,
            )
            gain = year.probabilities[today] * COSTS["deal_value"] - COSTS["cost_per_account"]
            plans = plans_of_a_week(scores, probabilities, margin, reps)
            best_first = np.lexsort((-margin, -probabilities))
            worth["capacity"] += float(gain[best_first[: plans["capacity"]["accounts_worked"]]].sum())
            for plan, minimum in (("grade_a", MINIMUMS["A"]), ("grades_a_and_b", MINIMUMS["B"])):
                listed = gain[scores >= minimum]
                worth[plan] += float(listed.mean()) * plans[plan]["accounts_worked"] if len(listed) else 0.0
    print(reps, {plan: round(value) for plan, value in worth.items()})
    record_property("true_worth", worth)
    assert worth["capacity"] >= max(worth["grade_a"], worth["grades_a_and_b"])


@pytest.mark.parametrize("seed", SEEDS)
def test_grades_of_simulated_accounts_are_hardly_ever_undone_within_a_week(seed: int, record_property):
    """Every account without a deal, each day of the last three months, by a model of the first seven."""
    model, _ = learned(seed)
    days = np.arange(DAYS - 90, DAYS)
    scores = np.stack([to_score(model.scale, margins(model.fitted, X)) for X in simulated_days(ACCOUNTS, seed, days)])
    alone = np.vectorize(earned_by)(scores)
    undone, by_score_alone = changes_undone(held_by_the_macro(scores, alone)), changes_undone(alone)
    print(f"{undone:.2%} of the changes of grade undone within a week, {by_score_alone:.1%} by the score alone")
    record_property("undone", float(undone))
    assert by_score_alone > 0.1
    assert undone < 0.02
