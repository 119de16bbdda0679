"""Segments with a difference planted, and without one: who is corrected, how far, and that the sums stay exact."""

import json
import os
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from test_ml_simulated_company import HORIZON, RULES, TRAINED_AT, dataset_of, simulate

from ml import logistic, pooling, segments
from ml.dataset import Dataset, Feature
from ml.evaluate import auc, sigmoid
from ml.fitted import BLEND, LOGISTIC, SCORECARD, explain_fitted, from_json, margins
from ml.ladder import SURE, Choice
from ml.pooling import Pooled, Rows, Slice, pool
from ml.register import TamperedModel, TrainedModel, calibration_table, load_model, models_table, segments_table
from ml.score import score
from ml.segments import Segment, members, read_segments, segment_members
from ml.train import Options, train

FULL = bool(os.environ.get("PQL_TEST_FULL"))
ENTERPRISE = Segment("enterprise", "company_size", "employees", 200.0, None)
SELF_SERVE = Segment("self_serve", "company_size", "employees", None, 200.0)
FEATURES = ("company_size__employees", "invited__events_28d", "connected__events_28d", "exported__events_28d")
NOISE = 12
ENCODING = tuple(
    Feature(name, *name.split("__"), "examples", 0) for name in (*FEATURES, *(f"noise_{k}__x" for k in range(NOISE)))
)
MONTHS = 10


def world(seed: int, reversed_by: float, accounts: int = 700, share: float = 0.3) -> tuple[Slice, ...]:
    """Four slices of a company in which 0.9 of `invited` turns to 0.9 less `reversed_by` above 200 employees."""
    random = np.random.default_rng(seed)
    habit = random.gamma(0.5, 1.0, (accounts, 3 + NOISE))
    employees = np.where(random.random(accounts) < share, 500.0, 50.0)
    used = np.log1p(random.poisson(3 * habit, (MONTHS, *habit.shape)))
    effects = np.array([0.9, 0.8, 0.6])
    margin = -3.4 + used[..., :3] @ effects - np.where(employees >= 200, reversed_by, 0.0) * used[..., 0]
    won = (random.random((MONTHS, accounts)) < sigmoid(margin)).astype(np.float64)
    X = np.concatenate([np.broadcast_to(employees[:, None], (MONTHS, accounts, 1)), used], axis=2)
    names = np.array([f"a{a:04d}" for a in range(accounts)], dtype=np.object_)

    def of_months(months: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.concatenate(X[list(months)]), won[list(months)].ravel(), np.tile(names, len(months))

    found: list[Slice] = []
    for until, later in ((3, (5,)), (4, (6,)), (5, (7,)), (6, (8, 9))):
        fit, judged = of_months(tuple(range(until))), of_months(later)
        (line,) = logistic.fit_path(fit[0], fit[1], (0.03,))
        found.append(Slice(*(Rows(*rows, logistic.margins(line, rows[0])) for rows in (fit, judged))))
    return tuple(found)


@cache
def pooled(seed: int, reversed_by: float, segment: Segment = ENTERPRISE, **more: float) -> Pooled:
    return pool((segment,), world(seed, reversed_by, **more), ENCODING)


def test_a_planted_reversal_is_corrected_and_its_sign_recovered():
    seeds = range(20 if FULL else 2)
    corrected_seeds = [seed for seed in seeds if pooled(seed, 1.8).evidence[0].is_corrected]
    assert len(corrected_seeds) >= 0.9 * len(seeds)
    for seed in corrected_seeds:
        found = pooled(seed, 1.8)
        (evidence,) = found.evidence
        assert evidence.better_in >= SURE
        assert evidence.average_precision > evidence.against
        later, whole = world(seed, 1.8)[-1].later, world(seed, 1.8)[-1]
        (correction,) = found.of_slices[-1]
        deviation = correction.line.coefficients[1]
        (line,) = logistic.fit_path(whole.fit.X, whole.fit.labels, (0.03,))
        assert line.coefficients[1] > 0 > line.coefficients[1] + deviation
        assert np.abs(correction.line.coefficients[4:]).max() < abs(deviation) / 2
        inside = members(ENTERPRISE, later.X[:, 0])
        corrected = later.margins + segments.margin_changes(correction, later.X)
        assert auc(corrected[inside], later.labels[inside]) > auc(later.margins[inside], later.labels[inside])


def test_without_a_difference_the_whole_stands():
    """A correction that tells nothing is better in two of three resamples now and then: 8 % of 60 companies."""
    seeds = range(60) if FULL else range(6)
    found = [pooled(seed, 0.0).evidence[0] for seed in seeds]
    assert sum(one.is_corrected for one in found) <= len(found) // 5
    assert all("whole" in one.reason for one in found if not one.is_corrected)
    assert all(one.kept == () for one in (pooled(seed, 0.0) for seed in list(seeds)[:2]))


def test_a_segment_of_few_won_accounts_falls_back_to_the_whole_and_says_so():
    found = pooled(1, 1.8, share=0.03)
    (evidence,) = found.evidence
    assert found.kept == ()
    assert found.of_slices == ((), (), (), ())
    assert 0 < evidence.won_accounts < pooling.NEEDED
    assert evidence.reason == f"{evidence.won_accounts} won accounts, and 20 are needed: the whole"


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        (Segment("all", "company_size", "employees", 0.0, None), "everybody belongs to it: it is the whole"),
        (Segment("none", "company_size", "employees", 1e6, None), "0 won accounts, and 20 are needed: the whole"),
        (Segment("lost", "customer", "is_customer", 1.0, None), "the model has no number customer__is_customer"),
    ],
)
def test_a_segment_that_is_none_falls_back_to_the_whole_and_says_so(segment: Segment, reason: str):
    (evidence,) = pooled(1, 0.0, segment).evidence
    assert evidence.reason.startswith(reason)
    assert not evidence.is_corrected
    assert evidence.better_in is None


def test_segments_follow_each_other_in_their_order_each_on_top_of_those_before():
    slices = world(2, 1.8, accounts=900)
    with patch("ml.pooling._best_strength", lambda paths, folds: 4), patch("ml.pooling.SURE", 0.0):
        both = pool((SELF_SERVE, ENTERPRISE), slices, ENCODING)
        alone = pool((ENTERPRISE,), slices, ENCODING)
    first, second = both.evidence
    assert (first.position, second.position) == (1, 2)
    assert second.against == first.average_precision
    assert first.against == alone.evidence[0].against
    # They share no account, so what the first one changes is no reason for the second.
    assert np.array_equal(both.of_slices[-1][1].line.coefficients, alone.of_slices[-1][0].line.coefficients)
    overlapping = (ENTERPRISE, replace(ENTERPRISE, name="large", at_least=400.0))
    with patch("ml.pooling._best_strength", lambda paths, folds: 4), patch("ml.pooling.SURE", 0.0):
        twice = pool(overlapping, slices, ENCODING)
    sizes = [np.abs(one.line.coefficients).max() for one in twice.of_slices[-1]]
    assert sizes[1] < sizes[0] / 2
    for one, refitted in zip(twice.of_slices[-1], pooling.refit(twice.kept, slices[-1].fit), strict=True):
        assert one.line.coefficients == pytest.approx(refitted.line.coefficients, abs=1e-6)


def test_deviations_are_those_of_a_logistic_without_a_whole():
    """Oracle: scikit-learn, where the whole says nothing."""
    fit = world(3, 1.8)[-1].fit
    weights = np.random.default_rng(1).random(len(fit.labels)) + 0.5
    (found,) = segments.fit_path(ENTERPRISE, 0, fit.X, fit.labels, np.zeros(len(fit.labels)), (0.05,), weights)
    inside = members(ENTERPRISE, fit.X[:, 0])
    prepared = logistic.prepare(found.line.preparation, fit.X[inside])
    Z = np.column_stack([np.ones(len(prepared)), prepared - prepared.mean(axis=0)])
    oracle = LogisticRegression(C=0.05, fit_intercept=False, tol=1e-10, max_iter=1000)
    oracle.fit(Z, fit.labels[inside], sample_weight=weights[inside])
    assert found.line.coefficients == pytest.approx(oracle.coef_[0, 1:], abs=1e-6)
    assert logistic.base_margin(found.line) == pytest.approx(oracle.coef_[0, 0], abs=1e-6)


@pytest.mark.parametrize("reversed_by", [0.0, 0.6])
def test_the_strength_loses_least_on_the_folds(reversed_by: float):
    """Oracle: scikit-learn's log-loss, after SciPy has found the shift to each fold's base rate."""
    folds = world(4, reversed_by)[:3]
    losses = []
    for penalty in (None, *segments.PENALTIES):
        of_folds = []
        for fold in folds:
            margins_of_fold = fold.later.margins
            if penalty is not None:
                fit = fold.fit
                (one,) = segments.fit_path(ENTERPRISE, 0, fit.X, fit.labels, fit.margins, (penalty,))
                margins_of_fold = margins_of_fold + segments.margin_changes(one, fold.later.X)
            of_folds.append(_shifted_loss(margins_of_fold, fold.later.labels))
        losses.append(np.mean(of_folds))
    (evidence,) = pooled(4, reversed_by).evidence
    assert evidence.penalty == (None, *segments.PENALTIES)[int(np.argmin(losses))]


def _shifted_loss(found: np.ndarray, labels: np.ndarray) -> float:
    shift = brentq(lambda step: float(sigmoid(found + step).mean() - labels.mean()), -10, 10, xtol=1e-12)
    return float(log_loss(labels, sigmoid(found + shift)))


def test_a_stronger_penalty_stays_nearer_to_the_whole():
    fit = world(3, 1.8)[-1].fit
    path = segments.fit_path(ENTERPRISE, 0, fit.X, fit.labels, fit.margins, (1e-9, *segments.PENALTIES))
    sizes = [np.abs(segments.margin_changes(one, fit.X)).max() for one in path]
    assert sizes[0] < 1e-4
    assert sizes == sorted(sizes)


def test_members_are_told_by_a_half_open_range_and_the_unknown_are_none():
    between = Segment("between", "company_size", "employees", 10.0, 20.0)
    assert members(between, np.array([9.9, 10.0, 19.9, 20.0, np.nan])).tolist() == [False, True, True, False, False]


def test_today_s_members_are_told_by_columns_and_by_measures_of_signals():
    examples = pa.table(
        {
            "account_id": ["a", "b", "c"],
            "as_of_date": pa.array([TRAINED_AT.date()] * 3, pa.date32()),
            "company_size__employees": pa.array([300, None, 20], pa.int64()),
        }
    )
    metrics = pa.table(
        {
            "account_id": ["b", "c"],
            "as_of_date": pa.array([TRAINED_AT.date()] * 2, pa.date32()),
            "signal": ["invited", "exported"],
            "events_28d": [4, 9],
        }
    )
    signals = pa.table({"signal": ["invited", "exported"], "polarity": [1, 1]})
    asked_for = (SELF_SERVE, ENTERPRISE, Segment("inviting", "invited", "events_28d", 1, None))

    found = segment_members(asked_for, examples, metrics, signals).to_pylist()

    assert [(row["account_id"], row["segment"], row["position"]) for row in found] == [
        ("c", "self_serve", 1),
        ("a", "enterprise", 2),
        ("b", "inviting", 3),
    ]
    assert segment_members((), examples, metrics, signals).num_rows == 0


def test_the_seed_is_read_by_position():
    table = pa.table(
        {
            "position": [2, 1],
            "segment": ["enterprise", "self_serve"],
            "signal": ["company_size"] * 2,
            "metric": ["employees"] * 2,
            "from": pa.array([200.0, None]),
            "below": pa.array([None, 200.0]),
        }
    )
    assert read_segments(table) == (SELF_SERVE, ENTERPRISE)


# The whole method on tables.


LARGE = Segment("large", "company_size", "employees", 60.0, None)


@cache
def divided() -> Dataset:
    """The simulated company, where `invited` speaks for small and against large customers."""
    dataset = dataset_of(simulate(accounts=250, noise=0))
    column = {feature.name: j for j, feature in enumerate(dataset.encoding)}
    invited, connected = (np.log1p(dataset.X[:, column[f"{name}__events_28d"]]) for name in ("invited", "connected"))
    large = np.nan_to_num(dataset.X[:, column["company_size__employees"]]) >= LARGE.at_least
    margin = -3.3 + np.where(large, -1.2, 1.2) * invited + 0.8 * connected + np.where(large, 1.6, 0.0)
    won = np.random.default_rng(8).random(len(margin)) < sigmoid(margin)
    return replace(dataset, labels=np.where(np.isnan(dataset.labels), np.nan, won.astype(np.float64)))


@cache
def trained(rung: str, asked_for: tuple[Segment, ...] = (LARGE,)) -> TrainedModel:
    """The rung is chosen for the ladder, and a strength for the folds: trees tell the halves apart by themselves."""
    with (
        patch("ml.pooling._best_strength", lambda paths, folds: 4),
        patch("ml.pooling.SURE", 0.0),
        patch("ml.train.choose_rung", lambda judged, won_accounts, left_out: Choice(rung, None, ())),
        patch("ml.train.SHARES", (0.3,)),
        patch("ml.boosting.MAX_ROUNDS", 40),
    ):
        return train(divided(), RULES, HORIZON, TRAINED_AT, options=Options(segments=asked_for))


@pytest.mark.parametrize("rung", [SCORECARD, LOGISTIC, BLEND])
def test_M9_contributions_add_up_with_segments_and_outside_nothing_changes(rung: str):
    model = trained(rung).model.fitted
    assert len(model.corrections) == 1
    whole = replace(model, corrections=())
    X = divided().X
    explanation, of_whole = explain_fitted(model, X), explain_fitted(whole, X)
    assert np.array_equal(explanation.margins, margins(model, X))
    gaps = explanation.base + explanation.contributions.sum(axis=1) - explanation.margins
    assert np.abs(gaps).max() < 1e-9
    inside = members(LARGE, X[:, model.corrections[0].column])
    assert np.array_equal(explanation.margins[~inside], of_whole.margins[~inside])
    assert np.array_equal(explanation.contributions[~inside], of_whole.contributions[~inside])
    assert (explanation.margins[inside] != of_whole.margins[inside]).all()
    invited = next(j for j, feature in enumerate(divided().encoding) if feature.name == "invited__events_28d")
    often = inside & (X[:, invited] > np.quantile(X[inside, invited], 0.8))
    of_invited = [j for j, feature in enumerate(divided().encoding) if feature.signal == "invited"]
    assert explanation.contributions[often][:, of_invited].sum(axis=1).mean() < 0


def test_the_same_training_twice_gives_the_same_hash_and_other_segments_another_version():
    again = train_again()
    assert again.record.integrity_hash == trained(LOGISTIC).record.integrity_hash
    assert again.record.model_version == trained(LOGISTIC).record.model_version
    assert trained(LOGISTIC, ()).record.model_version != trained(LOGISTIC).record.model_version


def train_again() -> TrainedModel:
    return trained.__wrapped__(LOGISTIC)


def test_what_is_stored_scores_like_what_was_trained_and_a_changed_segment_is_refused():
    source, model = simulate(accounts=250, noise=0), trained(BLEND)
    reopened = load_model(models_table(model), calibration_table(model))
    tables = (source.scoring_examples, source.signal_metrics, source.signals, "run_1")
    assert all(one.equals(two) for one, two in zip(score(reopened, *tables), score(model.model, *tables), strict=True))
    predictions, contributions = (table.to_pandas() for table in score(reopened, *tables))
    sums = contributions.groupby("account_id")["contribution"].sum()
    assert np.abs(sums - predictions.set_index("account_id")["margin"]).max() < 1e-9
    ordered = predictions.sort_values("margin")
    assert (ordered["probability"].diff().dropna() >= 0).all()

    stored = models_table(model)
    manifest = stored["manifest"][0].as_py().replace('"at_least": 60.0', '"at_least": 61.0')
    assert manifest != stored["manifest"][0].as_py()
    changed = stored.set_column(stored.column_names.index("manifest"), "manifest", pa.array([manifest]))
    with pytest.raises(TamperedModel, match="integrity hash"):
        load_model(changed, calibration_table(model))


def test_a_model_stored_before_there_were_segments_is_read():
    content = {"share": 0.0, "initial_margin": None, "line": None, "card": None}
    assert from_json("scorecard", content, "").corrections == ()


def test_the_evidence_is_kept_with_the_model():
    tiny = Segment("giants", "company_size", "employees", 20_000.0, None)
    model = trained(LOGISTIC, (LARGE, tiny))
    rows = segments_table(model).to_pylist()
    assert [(row["segment"], row["is_corrected"]) for row in rows] == [("large", True), ("giants", False)]
    assert {row["model_version"] for row in rows} == {model.record.model_version}
    assert "won accounts, and 20 are needed: the whole" in rows[1]["reason"]
    manifest = json.loads(model.record.manifest)
    assert [row["segment"] for row in manifest["segments"]] == ["large", "giants"]
    assert [one["segment"]["name"] for one in manifest["served"]["corrections"]] == ["large"]
    assert manifest["options"]["segments"][1]["name"] == "giants"


def test_the_newest_slice_judges_and_chooses_no_strength():
    """The outcomes of the newest slice are dealt anew: no strength may notice, and the verdict must."""
    first, again = world(5, 1.8), world(5, 1.8)
    dealt = replace(again[-1].later, labels=np.random.default_rng(0).permutation(again[-1].later.labels))
    again = (*again[:-1], Slice(again[-1].fit, dealt))
    one, two = (pool((ENTERPRISE,), slices, ENCODING) for slices in (first, again))
    assert one.evidence[0].penalty == two.evidence[0].penalty
    assert one.evidence[0].better_in != two.evidence[0].better_in
