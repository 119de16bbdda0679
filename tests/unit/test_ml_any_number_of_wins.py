"""No wins, few, or ten thousand: every account gets a score, and the model says on what basis."""

import os
from contextlib import nullcontext
from datetime import date
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from test_ml_simulated_company import RULES, TRAINED_AT

from ml.dataset import build_dataset
from ml.fitted import BLEND, GRADIENT_BOOSTING, LOGISTIC, SCORECARD
from ml.fitted import RULES as RULES_RUNG
from ml.rules import rule_points
from ml.score import score
from ml.train import train

FULL = bool(os.environ.get("PQL_TEST_FULL"))
HORIZON = 30
DAYS = [date(2026, month, 1) for month in range(1, 8)]
SIGNALS = ("invited", "connected", "company_size", "noise")
METRICS = pa.table(
    {
        "account_id": pa.array([], pa.string()),
        "as_of_date": pa.array([], pa.date32()),
        "signal": pa.array([], pa.string()),
        **{name: pa.array([], pa.float64()) for name in ("decayed_count", "events_28d", "people_28d", "events_7d")},
    }
)
SEED = pa.table({"signal": SIGNALS, "polarity": [1, 1, 0, 0], "use_in_model": [True] * 4})


def examples_with(won: int) -> pa.Table:
    """New accounts at each of seven dates, the last not known yet; of the known ones so many won, none twice."""
    of_day = max(60, 2 * won // (len(DAYS) - 1) + 60)
    random = np.random.default_rng(won)
    rows = of_day * len(DAYS)
    used = random.gamma(0.7, 4.0, (rows, 3)).round()
    appeal = 1.2 * np.log1p(used[:, 0]) + 0.8 * np.log1p(used[:, 1]) + 0.7 * random.gumbel(size=rows)
    known = np.arange(rows) < of_day * (len(DAYS) - 1)
    is_won = np.zeros(rows, dtype=np.bool_)
    is_won[np.argsort(np.where(known, -appeal, np.inf), kind="stable")[:won]] = True
    return pa.table(
        {
            "account_id": [f"a{i:06d}" for i in range(rows)],
            "as_of_date": pa.array(np.repeat(np.array(DAYS, dtype="datetime64[D]"), of_day), pa.date32()),
            "is_eligible": np.ones(rows, dtype=np.bool_),
            "is_mature": known,
            "is_won": is_won,
            "invited__events_28d": used[:, 0],
            "connected__events_7d": used[:, 1],
            "company_size__employees": random.lognormal(4, 1.5, rows).round(),
            "noise__events_28d": used[:, 2],
        }
    )


@pytest.mark.parametrize(
    ("won", "bases"),
    [
        (0, {RULES_RUNG}),
        (5, {RULES_RUNG}),  # three of five lie before the newest slice: none is left to judge by
        (20, {RULES_RUNG, SCORECARD}),
        (100, {SCORECARD, LOGISTIC, GRADIENT_BOOSTING, BLEND}),
        (1_000, {LOGISTIC, GRADIENT_BOOSTING, BLEND}),
        (10_000, {LOGISTIC, GRADIENT_BOOSTING, BLEND}),
    ],
)
def test_every_account_is_scored_and_the_model_says_on_what_basis(won: int, bases: set[str]):
    examples = examples_with(won)
    dataset = build_dataset(examples, METRICS, SEED)
    points = rule_points(RULES, examples, METRICS, SEED)
    assert len(set(dataset.account_ids[dataset.labels == 1])) == won

    with nullcontext() if FULL else patch("ml.boosting.MAX_ROUNDS", 60):
        trained = train(dataset, RULES, HORIZON, TRAINED_AT, rule_points=points)
    today = examples.filter(pa.array(dataset.dates == np.datetime64(DAYS[-1])))
    predictions, contributions = (t.to_pandas() for t in score(trained.model, today, METRICS, SEED, "run_1"))

    assert trained.record.rung in bases
    assert [one.rung for one in trained.ladder if one.is_chosen] == [trained.record.rung]
    assert len(predictions) == today.num_rows > 0
    assert predictions["score"].between(0, 100).all()
    assert predictions["score"].nunique() > 2
    assert predictions["probability"].isna().all() == (trained.record.rung == RULES_RUNG)
    sums = contributions.groupby("account_id")["contribution"].sum()
    assert np.abs(sums - predictions.set_index("account_id")["margin"]).max() < 1e-9
    if trained.record.rung != RULES_RUNG:
        observed = dataset.labels[~np.isnan(dataset.labels)].mean()
        assert predictions["probability"].mean() == pytest.approx(observed, abs=0.15)
