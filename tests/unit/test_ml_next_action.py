"""The next best action is the one that pays most by the model's own numbers, and never asks for less."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from test_ml_simulated_company import RULES

from ml.dataset import build_dataset, labelled
from ml.next_action import next_actions
from ml.scale import to_score
from ml.score import margins, model_encoding
from ml.train import train

DAYS = [date(2025, month, 1) for month in range(1, 11)]
SIGNALS = ("invited", "connected", "errors", "seats")
SEED = pa.table({"signal": SIGNALS, "polarity": [1, 1, -1, 0], "use_in_model": [True] * 4})
METRICS = pa.table(
    {
        "account_id": pa.array([], pa.string()),
        "as_of_date": pa.array([], pa.date32()),
        "signal": pa.array([], pa.string()),
        **{name: pa.array([], pa.float64()) for name in ("decayed_count", "events_28d", "people_28d", "events_7d")},
    }
)


def company(seed: int) -> pa.Table:
    """Invitations pay twice as much as connections, errors cost, seats are no signal that anybody brings about."""
    random = np.random.default_rng(seed)
    rows = 300 * len(DAYS)
    used = random.poisson(1.2, (rows, 3)).astype(float)
    appeal = -3 + 0.9 * used[:, 0] + 0.45 * used[:, 1] - 0.6 * used[:, 2]
    return pa.table(
        {
            "account_id": [f"a{i:05d}" for i in range(rows)],
            "as_of_date": pa.array(np.repeat(np.array(DAYS, dtype="datetime64[D]"), 300), pa.date32()),
            "is_eligible": [True] * rows,
            "is_mature": [True] * rows,
            "is_won": random.random(rows) < 1 / (1 + np.exp(-appeal)),
            "invited__events_28d": used[:, 0],
            "connected__events_28d": used[:, 1],
            "errors__events_28d": used[:, 2],
            "seats__count": random.poisson(5, rows).astype(float),
        }
    )


@pytest.fixture(scope="module")
def learned():
    examples = company(1)
    history = build_dataset(examples, METRICS, SEED)
    model = train(history, RULES, 30, datetime(2026, 1, 1, tzinfo=UTC)).model
    assert model.fitted is not None
    encoding = model_encoding(model, examples, METRICS, SEED)
    today = build_dataset(company(2).slice(0, 400), METRICS, SEED, encoding)
    return model, today, labelled(build_dataset(examples, METRICS, SEED, encoding))


def test_every_action_is_the_best_that_trying_each_one_by_one_finds(learned):
    model, today, reference = learned
    actionable = ("invited", "connected", "errors", "unheard_of")
    found = next_actions(model, today, reference, actionable, "run").to_pylist()
    names = [feature.name for feature in today.encoding]
    won = reference.labels == 1
    expected: dict[str, list[tuple[float, str]]] = {}
    for row, account in enumerate(today.account_ids):
        for signal in actionable[:3]:
            column = names.index(f"{signal}__events_28d")
            usual = np.median(reference.X[won & (reference.X[:, column] > 0), column])
            if today.X[row, column] >= usual:
                continue
            other = today.rows(np.array([row]))
            other.X[:, column] = usual
            gain = float(margins(model, other)[0] - margins(model, today.rows(np.array([row])))[0])
            if gain > 1e-9:
                expected.setdefault(account, []).append((-gain, signal))
    assert len(expected) > 200
    told = {}
    for row in found:
        told.setdefault(row["account_id"], []).append(row["signal"])
    assert told == {account: [signal for _, signal in sorted(gains)][:3] for account, gains in expected.items()}


def test_errors_are_never_asked_for_and_the_stronger_signal_comes_first(learned):
    model, today, reference = learned
    found = next_actions(model, today, reference, ("invited", "connected", "errors"), "run").to_pylist()

    assert {row["signal"] for row in found} == {"invited", "connected"}
    signals = [feature.signal for feature in today.encoding]
    unused = today.X[:, [signals.index("invited"), signals.index("connected")]].sum(axis=1) == 0
    first = {row["account_id"]: row["signal"] for row in found if row["rank"] == 1}
    assert {first[account] for account in today.account_ids[unused]} == {"invited"}


def test_points_and_probability_are_those_of_the_margin_then(learned):
    model, today, reference = learned
    now = dict(zip(today.account_ids, margins(model, today), strict=True))
    for row in next_actions(model, today, reference, ("invited",), "run").to_pylist():
        then = now[row["account_id"]] + row["points"] / model.scale.factor
        assert row["score_then"] == to_score(model.scale, np.array([then]))[0]
        assert 0 <= row["probability_then"] <= 1
        assert row["rank"] == 1


def test_nobody_to_score_or_nothing_to_bring_about_has_no_action(learned):
    model, today, reference = learned
    assert next_actions(model, today.rows(np.array([], dtype=np.int64)), reference, ("invited",), "run").num_rows == 0
    assert next_actions(model, today, reference, (), "run").num_rows == 0
    unused = reference.rows(reference.X[:, [f.signal for f in reference.encoding].index("invited")] == 0)
    assert next_actions(model, today, unused, ("invited",), "run").num_rows == 0
