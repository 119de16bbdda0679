"""A small company with known effects, as Arrow tables, and the whole method run on it."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.dataset import Dataset, Feature, build_dataset, labelled
from ml.fitted import BLEND, GRADIENT_BOOSTING, LEARNED, LOGISTIC, SCORECARD
from ml.ladder import Choice
from ml.register import (
    TrainedModel,
    backtests_table,
    calibration_table,
    ladder_table,
    load_model,
    models_table,
    signal_weights_table,
)
from ml.rules import rule_points
from ml.score import score
from ml.train import recency_weights, train

HORIZON = 90
TRAINED_AT = datetime(2026, 7, 1, 6, 0, tzinfo=UTC)
MONTHS = [date(2025, month, 1) for month in range(8, 13)] + [date(2026, month, 1) for month in range(1, 8)]

EFFECTS = {"invited": 0.9, "connected": 0.8, "exported": 0.6, "errored": -0.7, "priced": 0.5}
POLARITY = {"invited": 1, "connected": 1, "exported": 1, "errored": -1, "priced": 1}


@dataclass(frozen=True)
class Company:
    """The four tables that the warehouse layer reads, and today's examples."""

    examples: pa.Table
    scoring_examples: pa.Table
    signal_metrics: pa.Table
    signals: pa.Table
    scoring_rules: pa.Table


def simulate(accounts: int = 900, noise: int = 5, seed: int = 5, won_shift: float = -3.4) -> Company:
    """Monthly examples; the last three months are not mature. `won_shift` moves the base rate, in log odds."""
    random = np.random.default_rng(seed)
    signals = [*EFFECTS, *(f"noise_{k}" for k in range(noise))]
    examples: dict[str, list[object]] = {name: [] for name in EXAMPLE_COLUMNS}
    metrics: dict[str, list[object]] = {name: [] for name in METRIC_COLUMNS}
    habit = random.gamma(0.5, 1.0, (accounts, len(signals)))
    employees = np.exp(random.normal(4, 1.5, accounts)).round()
    industries = random.choice(["Software", "Retail", "Health", "Mining"], accounts, p=[0.5, 0.3, 0.197, 0.003])
    joined = random.integers(0, 300, accounts)
    for month, day in enumerate(MONTHS):
        events = random.poisson(3 * habit)
        used = np.log1p(events)
        margin = won_shift + used[:, : len(EFFECTS)] @ np.array(list(EFFECTS.values()))
        margin = margin + 0.8 * (industries == "Software")
        won = random.random(accounts) < 1 / (1 + np.exp(-margin))
        for a in range(accounts):
            row = {
                "account_id": f"a{a:05d}",
                "as_of_date": day,
                "is_eligible": True,
                "is_mature": month < len(MONTHS) - 3,
                "is_won": bool(won[a]) if month < len(MONTHS) - 3 else None,
                "won_at": None,
                "tenure__days": float(joined[a] + 30 * month),
                "company_size__employees": float(employees[a]) if a % 7 else None,
                "industry__name": str(industries[a]) if a % 11 else None,
                "organisation__is_company": bool(a % 3),
            }
            for name in EXAMPLE_COLUMNS:
                examples[name].append(row[name])
            for k, signal in enumerate(signals):
                if events[a, k]:
                    count = int(events[a, k])
                    since = int(random.integers(0, 28))
                    values = (f"a{a:05d}", day, signal, count * 0.7, count // 3, count, min(count, 3), count, since)
                    for name, value in zip(METRIC_COLUMNS, values, strict=True):
                        metrics[name].append(value)
    table = pa.table({name: pa.array(values, type=EXAMPLE_COLUMNS[name]) for name, values in examples.items()})
    today = pc.equal(table.column("as_of_date"), MONTHS[-1])
    return Company(
        examples=table,
        scoring_examples=table.filter(today).drop_columns(["is_won", "is_mature", "won_at"]),
        signal_metrics=pa.table({n: pa.array(values, type=METRIC_COLUMNS[n]) for n, values in metrics.items()}),
        signals=pa.table(
            {
                "signal": [*signals, "company_size", "industry", "organisation", "tenure"],
                "polarity": [POLARITY.get(signal, 0) for signal in signals] + [0, 0, 0, 0],
                "use_in_model": [True] * (len(signals) + 4),
            }
        ),
        scoring_rules=RULES,
    )


EXAMPLE_COLUMNS = {
    "account_id": pa.string(),
    "as_of_date": pa.date32(),
    "is_eligible": pa.bool_(),
    "is_mature": pa.bool_(),
    "is_won": pa.bool_(),
    "won_at": pa.timestamp("us"),
    "tenure__days": pa.float64(),
    "company_size__employees": pa.float64(),
    "industry__name": pa.string(),
    "organisation__is_company": pa.bool_(),
}
METRIC_COLUMNS = {
    "account_id": pa.string(),
    "as_of_date": pa.date32(),
    "signal": pa.string(),
    "decayed_count": pa.float64(),
    "events_7d": pa.int64(),
    "events_28d": pa.int64(),
    "people_28d": pa.int64(),
    "active_days_90d": pa.int64(),
    "days_since_last": pa.int64(),
}
RULES = pa.table(
    {
        "rule_group": ["usage", "usage", "usage", "size"],
        "cap": [20, 20, 20, 10],
        "signal": ["invited", "invited", "connected", "company_size"],
        "metric": ["events_28d", "events_28d", "events_7d", "employees"],
        "from": pa.array([1, 5, 1, 50], type=pa.int64()),
        "below": pa.array([5, None, None, None], type=pa.int64()),
        "one_of": pa.array([None] * 4, type=pa.string()),
        "points": [5, 15, 10, 10],
    }
)


@cache
def company() -> Company:
    return simulate()


@cache
def trained() -> TrainedModel:
    source = company()
    return train(dataset_of(source), source.scoring_rules, HORIZON, TRAINED_AT, rule_points=points_of(source))


def points_of(source: Company):
    return rule_points(source.scoring_rules, source.examples, source.signal_metrics, source.signals)


@cache
def small_company() -> Company:
    return simulate(accounts=250, noise=0)


@cache
def trained_as(rung: str) -> TrainedModel:
    """A small model of any rung: the choice is made for the ladder, all else is as always."""

    def chosen(judged, won_accounts, left_out):
        return Choice(rung, None, ())

    with (
        patch("ml.train.choose_rung", chosen),
        patch("ml.train.SHARES", (0.3,)),
        patch("ml.boosting.MAX_ROUNDS", 40),
    ):
        return train(dataset_of(small_company()), RULES, HORIZON, TRAINED_AT)


def dataset_of(source: Company) -> Dataset:
    return build_dataset(source.examples, source.signal_metrics, source.signals)


def scored(model=None, examples=None):
    source = company()
    return score(
        model or trained().model,
        source.scoring_examples if examples is None else examples,
        source.signal_metrics,
        source.signals,
        "run_1",
    )


def test_the_planted_effects_are_learned_with_their_signs_and_noise_is_not():
    weights = {weight.signal: weight for weight in trained().signal_weights}
    top = {weight.signal for weight in trained().signal_weights if weight.rank <= len(EFFECTS) + 1}
    assert top == {*EFFECTS, "industry"}
    assert {signal: weights[signal].direction for signal in EFFECTS} == {s: int(np.sign(e)) for s, e in EFFECTS.items()}
    assert weights["invited"].lift > 1.1 > 0.9 > weights["errored"].lift
    assert max(weights[f"noise_{k}"].share for k in range(5)) < 0.03
    assert sum(weight.share for weight in weights.values()) == pytest.approx(1)


def test_it_ranks_later_accounts_better_than_newest_first():
    metrics = json.loads(trained().record.metrics)
    assert metrics["gradient_boosting"]["auc_low"] > 0.65 > metrics["newest_first"]["auc"]
    assert metrics["gradient_boosting"]["auc"] == pytest.approx(metrics["logistic"]["auc"], abs=0.03)
    assert metrics["gradient_boosting"]["calibration_error"] < 0.06
    assert (metrics["rows"], metrics["test_from"]) == (900, "2026-04-01")


def test_contributions_add_up_to_the_margin_and_points_to_the_score():
    predictions, contributions = (table.to_pandas() for table in scored())
    sums = contributions.groupby("account_id")[["contribution", "points"]].sum()
    joined = predictions.set_index("account_id").join(sums)
    assert np.abs(joined["contribution"] - joined["margin"]).max() < 1e-9
    assert (joined["score"] == np.clip(np.floor(joined["points"] + 0.5 + 1e-12), 0, 100)).all()
    assert not contributions.duplicated(["account_id", "feature"]).any()
    assert (contributions.groupby("account_id")["feature"].apply(lambda names: (names == "baseline").sum()) == 1).all()
    assert (contributions.loc[contributions["feature"] != "baseline", "contribution"] != 0).all()


def test_scores_rise_with_the_margin_and_probabilities_never_fall():
    predictions = scored()[0].to_pandas().sort_values("margin")
    for column in ("probability", "probability_low", "probability_high", "score"):
        assert (predictions[column].diff().dropna() >= 0).all()
    assert predictions["probability"].between(predictions["probability_low"], predictions["probability_high"]).all()
    assert 20 <= predictions["score"].median() <= 40
    assert predictions["score"].quantile(0.99) >= 70  # 80 is where the scale puts the reference accounts


def test_batches_give_the_same_rows_as_one_block(monkeypatch):
    whole = [table.to_pandas() for table in scored()]
    monkeypatch.setattr("ml.score.score_batches.__defaults__", (97,))
    parts = [table.to_pandas() for table in scored()]
    for one, other in zip(whole, parts, strict=True):
        assert one.equals(other)


def test_nobody_to_score_gives_empty_tables_of_the_same_shape():
    empty = scored(examples=company().scoring_examples.slice(0, 0))
    for none, some in zip(empty, scored(), strict=True):
        assert none.num_rows == 0
        assert none.schema == some.schema


def test_what_is_stored_scores_like_what_was_trained():
    reopened = load_model(models_table(trained()), calibration_table(trained()))
    assert all(one.equals(other) for one, other in zip(scored(reopened), scored(), strict=True))


def test_the_same_inputs_give_the_same_model_and_other_data_another():
    later = datetime(2027, 1, 1, tzinfo=UTC)
    again = train(dataset_of(company()), RULES, HORIZON, later, threads=2, rule_points=points_of(company()))
    assert again.record.model_version == trained().record.model_version
    assert again.record.integrity_hash == trained().record.integrity_hash
    assert again.record.model_text == trained().record.model_text
    fewer = labelled(dataset_of(company())).rows(np.arange(7000))
    assert train(fewer, RULES, HORIZON, TRAINED_AT).record.model_version != trained().record.model_version


def test_row_order_of_the_inputs_changes_nothing():
    source = company()
    shuffle = np.random.default_rng(0).permutation
    dataset = build_dataset(
        source.examples.take(shuffle(source.examples.num_rows)),
        source.signal_metrics.take(shuffle(source.signal_metrics.num_rows)),
        source.signals,
    )
    assert np.array_equal(dataset.X, dataset_of(source).X, equal_nan=True)
    assert dataset.encoding == dataset_of(source).encoding


def test_the_backtests_say_what_was_judged_when():
    rows = backtests_table(trained()).to_pandas()
    assert set(rows["slice"]) == {"fold_1", "fold_2", "fold_3", "test"}
    assert {"scorecard", "logistic", "gradient_boosting", "newest_first", "rules", "split"} <= set(rows["model_name"])
    assert set(rows.loc[rows["model_name"] == "split", "metric"]) == {"share_of_twins", "share_of_known_accounts"}
    assert ((rows["test_from"] - rows["train_to"]).apply(lambda gap: gap.days) >= HORIZON).all()
    aucs = rows[(rows["metric"] == "auc") & (rows["slice"] == "test")]
    assert ((aucs["value_low"] <= aucs["value"]) & (aucs["value"] <= aucs["value_high"])).all()
    assert not rows.duplicated(["model_name", "slice", "metric"]).any()


@pytest.mark.parametrize("rung", LEARNED)
def test_every_rung_scores_and_adds_up_and_is_read_back_to_the_bit(rung):
    model, source = trained_as(rung), small_company()
    assert json.loads(model.record.manifest)["rung"] == model.record.rung == rung
    assert (model.record.model_text != "") == (rung in (GRADIENT_BOOSTING, BLEND))
    reopened = load_model(models_table(model), calibration_table(model))
    tables = (source.scoring_examples, source.signal_metrics, source.signals, "run_1")
    assert all(
        one.equals(other) for one, other in zip(score(reopened, *tables), score(model.model, *tables), strict=True)
    )
    predictions, contributions = (table.to_pandas() for table in score(reopened, *tables))
    sums = contributions.groupby("account_id")["contribution"].sum()
    assert np.abs(sums - predictions.set_index("account_id")["margin"]).max() < 1e-9
    assert predictions["margin"].nunique() > 3
    assert predictions["probability"].between(predictions["probability_low"], predictions["probability_high"]).all()
    assert {weight.stability for weight in model.signal_weights if weight.direction} <= {0, 0.25, 0.5, 0.75, 1}


def test_the_ladder_says_what_spoke_for_and_against_each_rung():
    ladder = ladder_table(trained()).to_pandas().set_index("rung")
    assert ladder.index.tolist() == ["rules", *LEARNED]
    assert ladder["is_chosen"].sum() == 1
    assert ladder.loc[trained().record.rung, "is_chosen"]
    assert trained().record.rung in (LOGISTIC, GRADIENT_BOOSTING, BLEND)
    judged = ladder.dropna(subset=["auc"])
    assert {"rules", SCORECARD, LOGISTIC, GRADIENT_BOOSTING} <= set(judged.index)
    assert ((judged["auc_low"] < judged["auc"]) & (judged["auc"] < judged["auc_high"])).all()
    assert ladder["against"].isna().tolist()[1]
    assert (ladder["reason"].str.len() > 10).all()


@pytest.mark.parametrize(("won", "rungs"), [(3, ["rules"]), (14, ["scorecard"]), (32, ["scorecard", "logistic"])])
def test_few_won_accounts_climb_as_far_as_they_allow(won, rungs):
    """One feature that knows much, one that knows nothing; so many accounts win once, half of them early."""
    random = np.random.default_rng(won)
    accounts, months = 20 * won, 9
    wins = np.zeros((months, accounts))
    wins[np.arange(2 * won) % months, np.arange(2 * won)] = 1
    known = random.normal(size=wins.shape) + 3 * wins
    dates = np.repeat(np.array(MONTHS[:months], dtype="datetime64[D]"), accounts)
    dataset = Dataset(
        np.column_stack([known.ravel(), random.normal(size=wins.size)]),
        (Feature("a__x", "a", "x", "examples", 0), Feature("b__x", "b", "x", "examples", 0)),
        np.tile(np.array([f"a{i:05d}" for i in range(accounts)], dtype=object), months),
        dates,
        wins.ravel(),
    )
    model = train(dataset, RULES, HORIZON, TRAINED_AT)
    assert model.record.rung in rungs
    assert [one.rung for one in model.ladder if one.auc is not None] == [rung for rung in rungs if rung != "rules"]


def test_rows_of_long_ago_weigh_less_where_that_is_asked_for():
    weights = recency_weights(np.array(["2026-01-01", "2026-03-02"], dtype="datetime64[D]"), 60.0)
    assert weights[0] / weights[1] == pytest.approx(0.5)
    assert weights.mean() == pytest.approx(1)
    assert recency_weights(np.array(["2026-01-01"], dtype="datetime64[D]"), None) is None


def test_signal_weights_come_as_a_table_ranked_without_gaps():
    assert signal_weights_table(trained()).column("rank").to_pylist() == list(range(1, 15))


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (lambda: dataset_of(company()).rows(np.arange(3)), "mature as-of dates"),
        (lambda: dataset_of(company()).rows(np.arange(0)), "0 mature as-of dates"),
        (lambda: dataset_of(simulate(accounts=40, noise=0, won_shift=-7.5)), "won accounts"),
        (lambda: one_class(dataset_of(company()), 0.0), "0 won accounts up to"),
        (lambda: one_class(dataset_of(company()), 1.0), "both won and lost accounts"),
        (lambda: without_values(dataset_of(company())), "no usable signal"),
        (lambda: without_effects(), "no usable signal"),
    ],
)
def test_too_little_to_learn_from_takes_the_rules_and_says_why(dataset, reason):
    model = train(dataset(), RULES, HORIZON, TRAINED_AT)
    assert model.record.rung == "rules"
    assert model.record.model_version.startswith("rules-")
    assert reason in json.loads(model.record.manifest)["reason"]
    assert json.loads(models_table(model).column("manifest")[0].as_py())["rung"] == "rules"
    assert calibration_table(model).num_rows == 0
    ladder = ladder_table(model).to_pandas()
    assert ladder.loc[ladder["is_chosen"], "rung"].tolist() == ["rules"]
    assert reason in ladder.loc[ladder["is_chosen"], "reason"].item()
    reopened = load_model(models_table(model), calibration_table(model))
    predictions, contributions = (table.to_pandas() for table in scored(reopened))
    assert predictions["probability"].isna().all()
    assert predictions["score"].between(0, 100).all()
    sums = contributions.groupby("account_id")["contribution"].sum()
    assert np.abs(sums - predictions.set_index("account_id")["margin"]).max() < 1e-9


def one_class(dataset: Dataset, label: float) -> Dataset:
    return replace(dataset, labels=np.where(np.isnan(dataset.labels), np.nan, label))


def without_values(dataset: Dataset) -> Dataset:
    return replace(dataset, X=np.full(dataset.X.shape, np.nan))


def without_effects() -> Dataset:
    dataset = dataset_of(company())
    random = np.random.default_rng(3)
    dataset.labels[:] = np.where(np.isnan(dataset.labels), np.nan, random.random(len(dataset.labels)) < 0.05)
    return dataset
