"""A product that changes in the middle of the year: the champion falls behind, drift says so, another takes over."""

from datetime import date
from functools import cache

import numpy as np
import pyarrow as pa
from test_ml_simulated_company import MONTHS, TRAINED_AT, Company, simulate

from ml import arrow
from ml.backtest import History, backtest_by_month, judge_challenger, read_history, score_days
from ml.dataset import labelled
from ml.drift import PSI, SCORE, measure_drift, measure_performance, overall
from ml.evaluate import auc, auc_interval, sigmoid
from ml.register import TrainedModel
from ml.score import margins
from ml.train import train

HORIZON = 28
CHANGE = date(2026, 1, 1)
BEFORE, SINCE = np.datetime64("2025-12-01"), np.datetime64("2026-02-01")


def history_of(source: Company) -> History:
    return read_history(source.examples, source.signal_metrics, source.signals, source.scoring_rules, HORIZON)


@cache
def unchanged() -> History:
    return history_of(simulate(accounts=500, noise=3))


@cache
def changed() -> History:
    """From CHANGE on everybody uses `noise_0` four times as much, and it alone decides who buys."""
    source = simulate(accounts=500, noise=3)
    metrics = source.signal_metrics
    late = arrow.dates(metrics, "as_of_date") >= np.datetime64(CHANGE)
    moved = late & (arrow.texts(metrics, "signal") == "noise_0")
    for name in ("decayed_count", "events_28d"):
        values = np.where(moved, 4 * arrow.numbers(metrics, name), arrow.numbers(metrics, name))
        metrics = metrics.set_column(metrics.column_names.index(name), name, pa.array(values))
    used = {
        (account, day): count
        for account, day, signal, count in zip(
            arrow.texts(metrics, "account_id"), arrow.dates(metrics, "as_of_date"), arrow.texts(metrics, "signal"),
            arrow.numbers(metrics, "events_28d"), strict=True,
        )
        if signal == "noise_0"
    }  # fmt: skip
    examples, random = source.examples, np.random.default_rng(1)
    accounts, days = arrow.texts(examples, "account_id"), arrow.dates(examples, "as_of_date")
    wins = examples["is_won"].to_pylist()
    for i, (account, day) in enumerate(zip(accounts, days, strict=True)):
        if day >= np.datetime64(CHANGE) and wins[i] is not None:
            wins[i] = bool(random.random() < sigmoid(np.array(-4.0 + 1.1 * np.log1p(used.get((account, day), 0)))))
    examples = examples.set_column(examples.column_names.index("is_won"), "is_won", pa.array(wins))
    return history_of(Company(examples, source.scoring_examples, metrics, source.signals, source.scoring_rules))


@cache
def champion_before() -> TrainedModel:
    """Trained when nothing had changed yet."""
    known = labelled(changed().dataset)
    return train(known.rows(known.dates <= BEFORE), changed().scoring_rules, HORIZON, TRAINED_AT)


@cache
def challenger() -> TrainedModel:
    return train(changed().dataset, changed().scoring_rules, HORIZON, TRAINED_AT)


def test_planted_drift_is_told_by_its_feature_and_by_the_outcomes_since():
    model, known = champion_before().model, labelled(changed().dataset)
    learned = known.rows(known.dates <= BEFORE)
    today = changed().dataset.rows(changed().dataset.dates == np.datetime64(MONTHS[-1]))
    found = measure_drift(learned, margins(model, learned), today, margins(model, today), HORIZON)
    verdicts = {drift.feature: drift.verdict for drift in found if drift.measure == PSI}
    assert verdicts["noise_0__events_28d"] == verdicts["noise_0__decayed_count"] == "drifted"
    assert verdicts["invited__events_28d"] == "ok"
    later = known.rows(known.dates >= SINCE)
    judged = champion_before().out_of_time
    promised = auc(judged.margins, judged.labels)
    low, _ = auc_interval(judged.margins, judged.labels, judged.account_ids)
    since = measure_performance(margins(model, later), later.labels, later.account_ids, promised, low)
    assert [drift.verdict for drift in since] == ["drifted"]
    assert overall([*found, *since]) == "drifted"
    assert since[0].feature == SCORE


def test_a_challenger_that_saw_the_change_is_promoted_and_ranks_again():
    verdict = judge_challenger(changed(), champion_before().model, BEFORE.astype(object), challenger())
    assert verdict.promoted, verdict.reason
    judged = challenger().out_of_time
    days = tuple(sorted(set(judged.dates.astype("datetime64[D]").tolist())))
    before = score_days(champion_before().model, changed(), days)
    assert auc(judged.margins, judged.labels) > 0.65
    assert auc(before.scored.margins, before.labels) < auc(judged.margins, judged.labels) - 0.05


def test_where_nothing_changed_the_champion_stays():
    known = labelled(unchanged().dataset)
    champion = train(known.rows(known.dates <= BEFORE), unchanged().scoring_rules, HORIZON, TRAINED_AT)
    newer = train(unchanged().dataset, unchanged().scoring_rules, HORIZON, TRAINED_AT)
    verdict = judge_challenger(unchanged(), champion.model, BEFORE.astype(object), newer)
    assert not verdict.promoted
    assert verdict.won_accounts >= 10


def test_no_row_that_the_champion_trained_on_judges_and_it_says_from_when_on_one_can():
    newest = max(labelled(changed().dataset).dates).astype(object)
    verdict = judge_challenger(changed(), challenger().model, newest, challenger())
    assert not verdict.promoted
    assert verdict.rows == 0
    assert "only those as of 2026-04-29 or later" in verdict.reason


def test_the_out_of_time_margins_are_those_of_a_model_that_had_not_seen_the_slice():
    """The served model, which has, ranks its own training rows better than the recipe ranked them blindly."""
    judged = challenger().out_of_time
    days = tuple(sorted(set(judged.dates.astype("datetime64[D]").tolist())))
    seen = score_days(challenger().model, changed(), days)
    assert np.array_equal(seen.accounts, judged.account_ids)
    assert np.array_equal(seen.labels, judged.labels)
    assert auc(seen.scored.margins, seen.labels) > auc(judged.margins, judged.labels)


def test_the_backtest_judges_each_date_on_what_was_known_one_horizon_before():
    months = dict(backtest_by_month(changed(), 2, TRAINED_AT))
    assert len(months) == 2
    for day, figures in months.items():
        assert {figure.metric for figure in figures} >= {"auc", "average_precision", "lift_at_10_percent"}
        assert all((day - figure.train_to).days >= HORIZON for figure in figures)
        assert all(figure.test_from == figure.test_to == day for figure in figures)
    newest = max(months)
    assert dict(backtest_by_month(changed(), 1, TRAINED_AT)) == {newest: months[newest]}
