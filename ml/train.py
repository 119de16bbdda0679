"""The method, top to bottom: split, choose on folds, judge on the newest slice, calibrate, refit, explain, register."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np

from ml import boosting, logistic
from ml.arrow import Bools, Floats, Table, Texts
from ml.boosting import Boosting
from ml.calibrate import CalibrationMap, apply_calibration, fit_calibration
from ml.dataset import Dataset, labelled
from ml.evaluate import (
    auc_interval,
    margin_log_loss,
    newest_first,
    probability_metrics,
    ranking_metrics,
    rounded,
    shifted_to_base_rate,
)
from ml.explain import SignalWeight, explain, signal_weights
from ml.register import (
    GRADIENT_BOOSTING,
    LOGISTIC,
    RULES,
    Backtest,
    OutOfTime,
    TrainedModel,
    code_hash,
    data_hash,
    features_to_json,
    make_record,
    open_model,
)
from ml.rules import Rule, read_rules, rules_scale, rules_to_json
from ml.scale import ScoreScale, fit_scale
from ml.split import Fold, Split, SplitTooShort, rows_of, time_split

# Two fits side by side on one thread each: LightGBM's own threads wait for each other after every split, which on a
# busy machine made a training of 8 s take 49 s.
PARALLEL_FITS = 2

# Exact contributions cost 0.12 s per 1,000 rows of 200 features; 10,000 rows fix a mean to a percent of its spread.
WEIGHED_ROWS = 10_000

WON_TO_FIT, WON_TO_JUDGE = 20, 5  # accounts, not rows: the rows of one account tell the same story
AGE_FEATURE = "tenure__days"  # the baseline "newest first" ranks by it


class TooFewOutcomes(ValueError):  # noqa: N818 - the name says what is wrong
    """Too few won or lost accounts to learn from, or to judge by."""


class NothingLearned(ValueError):  # noqa: N818 - the name says what is wrong
    """No number of trees beat the base rate on later data."""


@dataclass(frozen=True)
class Candidates:
    """What models of every size, trained before a fold, say of the fold's rows.

    `staged` has one row per number of trees (0, 10, …), `penalised` one per penalty of the logistic.
    """

    fold: Fold
    rows: Bools
    labels: Floats
    staged: Floats
    penalised: Floats


@dataclass(frozen=True)
class Chosen:
    """Model sizes chosen on the folds."""

    rounds: int
    penalty: float


@dataclass(frozen=True)
class Judged:
    """Out-of-time margins of a slice; `initial_margin` is the log odds that its models started from."""

    fold: Fold
    rows: Bools
    labels: Floats
    initial_margin: float
    margins: dict[str, Floats]  # by model name


def train(
    dataset: Dataset, scoring_rules: Table, horizon_days: int, trained_at: datetime, threads: int = 1
) -> TrainedModel:
    """Train the best model that the labels allow, or take the rules and say why.

    Args:
        dataset: rows of all as-of dates; only those with a label are learned from.
        scoring_rules: the seed, for the rules rung.
        horizon_days: length of the label window, which is the embargo between slices.
        trained_at: recorded as given; nothing else depends on the clock.
        threads: for each LightGBM fit, beside two fits at a time; the trees are the same for any number.

    Raises:
        UnusableRule: the rules rung is needed and the rules contradict each other.
    """
    known = labelled(dataset)
    try:
        return _train_boosting(known, horizon_days, trained_at, threads)
    except (SplitTooShort, TooFewOutcomes, NothingLearned) as reason:
        return _take_rules(known, read_rules(scoring_rules), horizon_days, trained_at, str(reason))


def rules_only(
    dataset: Dataset, scoring_rules: Table, horizon_days: int, trained_at: datetime, reason: str
) -> TrainedModel:
    """The rules rung, whatever the labels allow: for accounts unlike any that a model was trained on.

    Args:
        dataset: as for `train`.
        scoring_rules: the seed.
        horizon_days: as for `train`; recorded.
        trained_at: recorded as given.
        reason: why the rules score these accounts; recorded.

    Raises:
        UnusableRule: the rules contradict each other.
    """
    return _take_rules(labelled(dataset), read_rules(scoring_rules), horizon_days, trained_at, reason)


def _train_boosting(known: Dataset, horizon_days: int, trained_at: datetime, threads: int) -> TrainedModel:
    """Gradient boosting on everything, with the size and the calibration learned out of time.

    The served model is refitted on all mature rows, while its calibration comes from models fitted on earlier rows and
    judged on later ones. This assumes that such models' margins, once moved to the same starting log odds, mean the
    same as the refitted one's: same recipe, same number of trees, only more and newer rows.
    """
    if not known.encoding:
        raise NothingLearned("the examples have no feature")
    split = _usable_split(known, time_split(known.dates, horizon_days))
    with ThreadPoolExecutor(PARALLEL_FITS) as pool:
        candidates = list(pool.map(partial(_judge_every_size, known, threads=threads), split.folds))
        chosen = choose_sizes(candidates)
        newest = pool.submit(_judge_newest, known, split.test, chosen, threads)
        served = _fit(known, chosen.rounds, threads)
        test = newest.result()
    folds = [_judged_with(chosen, candidate) for candidate in candidates]
    backtests = _backtests(known, folds, test)
    reference = _moved_to(served.initial_margin, test, GRADIENT_BOOSTING)
    calibration = _calibrate([*folds, test], GRADIENT_BOOSTING, served.initial_margin)
    scale = fit_scale(reference)
    weighed = _evenly(known, WEIGHED_ROWS)
    weights = signal_weights(explain(served, weighed.X), weighed, scale.factor)
    manifest = _boosting_manifest(known, horizon_days, scale, split, chosen, served, backtests)
    text = boosting.to_text(served)
    trained = _registered(GRADIENT_BOOSTING, manifest, text, calibration, backtests, weights, trained_at)
    return replace(trained, out_of_time=_out_of_time(known, folds, test, GRADIENT_BOOSTING, reference))


def _out_of_time(known: Dataset, folds: list[Judged], test: Judged, name: str, reference: Floats) -> OutOfTime:
    """The newest slice's rows as the recipe saw them, calibrated as the backtest calibrates."""
    rows = known.rows(test.rows)
    calibrated = apply_calibration(_calibrate(folds, name, test.initial_margin), test.margins[name])
    return OutOfTime(rows.account_ids, rows.dates, test.labels, reference, calibrated.probability)


def _take_rules(
    known: Dataset, rules: tuple[Rule, ...], horizon_days: int, trained_at: datetime, reason: str
) -> TrainedModel:
    manifest: dict[str, Any] = {
        **_common_manifest(known, horizon_days, rules_scale(rules)),
        "reason": reason,
        "features": [],  # the rules say which metrics they read
        "rules": rules_to_json(rules),
        "parameters": {},
        "metrics": {},
    }
    return _registered(RULES, manifest, "", None, (), (), trained_at)


def _registered(
    rung: str,
    manifest: dict[str, Any],
    model_text: str,
    calibration: CalibrationMap | None,
    backtests: tuple[Backtest, ...],
    weights: tuple[SignalWeight, ...],
    trained_at: datetime,
) -> TrainedModel:
    record = make_record(rung, manifest, model_text, calibration, trained_at)
    # opened from its own record: what scores today is what a later run will load
    return TrainedModel(record, calibration, backtests, weights, open_model(record, calibration))


def _usable_split(known: Dataset, split: Split) -> Split:
    """The split without folds that have nothing to learn or to judge.

    Raises:
        TooFewOutcomes: says how many won accounts there are, and how many are needed.
    """
    fit, judged = rows_of(known.dates, split.test.train), rows_of(known.dates, split.test.test)
    won_to_fit, won_to_judge = _won_accounts(known, fit), _won_accounts(known, judged)
    if won_to_fit < WON_TO_FIT or won_to_judge < WON_TO_JUDGE:
        raise TooFewOutcomes(
            f"{won_to_fit} won accounts up to {split.test.train[-1]} and {won_to_judge} from {split.test.test[0]} on; "
            f"gradient boosting needs {WON_TO_FIT} to learn from and {WON_TO_JUDGE} later ones to be judged by"
        )
    folds = tuple(fold for fold in split.folds if _has_outcomes(known, fold))
    if not _has_outcomes(known, split.test) or not folds:
        raise TooFewOutcomes("no slice of time has both won and lost accounts to learn from and later ones to judge by")
    return Split(folds, split.test)


def _has_outcomes(known: Dataset, fold: Fold) -> bool:
    fit, judged = rows_of(known.dates, fold.train), rows_of(known.dates, fold.test)
    both_classes = all(len(np.unique(known.labels[rows])) == 2 for rows in (fit, judged))
    return both_classes and _won_accounts(known, fit) >= WON_TO_JUDGE


def _won_accounts(known: Dataset, rows: Bools) -> int:
    return len(set(known.account_ids[rows & (known.labels == 1)]))


def _judge_every_size(known: Dataset, fold: Fold, threads: int) -> Candidates:
    fit, rows = known.rows(rows_of(known.dates, fold.train)), rows_of(known.dates, fold.test)
    trees = _fit(fit, boosting.MAX_ROUNDS, threads)
    lines = logistic.fit_path(fit.X, fit.labels, logistic.PENALTIES)
    X = known.X[rows]
    penalised = np.stack([logistic.margins(line, X) for line in lines])
    return Candidates(fold, rows, known.labels[rows], boosting.staged_margins(trees, X), penalised)


def choose_sizes(candidates: list[Candidates]) -> Chosen:
    """Least mean log-loss over the folds; fewer trees and the stronger penalty win ties.

    Raises:
        NothingLearned: no trees at all are best.
    """
    tree_losses = [[margin_log_loss(m, fold.labels) for m in fold.staged] for fold in candidates]
    line_losses = [
        [margin_log_loss(shifted_to_base_rate(m, fold.labels), fold.labels) for m in fold.penalised]
        for fold in candidates
    ]
    rounds = int(np.argmin(np.mean(tree_losses, axis=0))) * boosting.ROUND_STEP
    if rounds == 0:
        raise NothingLearned("no usable signal: no number of trees predicts later outcomes better than the base rate")
    return Chosen(rounds, logistic.PENALTIES[int(np.argmin(np.mean(line_losses, axis=0)))])


def _judged_with(chosen: Chosen, candidate: Candidates) -> Judged:
    margins = {
        GRADIENT_BOOSTING: candidate.staged[chosen.rounds // boosting.ROUND_STEP],
        LOGISTIC: candidate.penalised[logistic.PENALTIES.index(chosen.penalty)],
    }
    return Judged(candidate.fold, candidate.rows, candidate.labels, float(candidate.staged[0, 0]), margins)


def _judge_newest(known: Dataset, fold: Fold, chosen: Chosen, threads: int) -> Judged:
    fit, rows = known.rows(rows_of(known.dates, fold.train)), rows_of(known.dates, fold.test)
    trees = _fit(fit, chosen.rounds, threads)
    line = logistic.fit_path(fit.X, fit.labels, (chosen.penalty,))[0]
    X = known.X[rows]
    margins = {GRADIENT_BOOSTING: boosting.margins(trees, X), LOGISTIC: logistic.margins(line, X)}
    return Judged(fold, rows, known.labels[rows], trees.initial_margin, margins)


def _fit(fit: Dataset, rounds: int, threads: int) -> Boosting:
    return boosting.fit(fit.X, fit.labels, _monotone(fit), rounds, threads)


def _evenly(known: Dataset, most: int) -> Dataset:
    """At most so many rows, evenly over time."""
    rows = len(known.labels)
    return known if rows <= most else known.rows(np.arange(most, dtype=np.int64) * rows // most)


def _moved_to(initial_margin: float, judged: Judged, model_name: str) -> Floats:
    """Out-of-time margins as if their model had started from these log odds."""
    return judged.margins[model_name] - judged.initial_margin + initial_margin


def _calibrate(slices: list[Judged], model_name: str, initial_margin: float) -> CalibrationMap:
    margins = [_moved_to(initial_margin, judged, model_name) for judged in slices]
    return fit_calibration(np.concatenate(margins), np.concatenate([judged.labels for judged in slices]))


def _backtests(known: Dataset, folds: list[Judged], test: Judged) -> tuple[Backtest, ...]:
    """Rankings on every slice; on the newest also the AUC's interval and probabilities calibrated by the folds."""
    found = [row for fold in folds for name in fold.margins for row in _ranking_rows(fold, name, fold.margins[name])]
    for name, margins in test.margins.items():
        steps = _calibrate(folds, name, test.initial_margin)
        probability = apply_calibration(steps, margins).probability
        found += _ranking_rows(test, name, margins, known.account_ids[test.rows])
        found += _metric_rows(test, name, probability_metrics(probability, test.labels))
    age = next((j for j, feature in enumerate(known.encoding) if feature.name == AGE_FEATURE), None)
    if age is not None:
        scores = newest_first(known.X[test.rows, age])
        found += _ranking_rows(test, "newest_first", scores, known.account_ids[test.rows])
    return tuple(found)


def _ranking_rows(judged: Judged, name: str, scores: Floats, accounts: Texts | None = None) -> list[Backtest]:
    rows = _metric_rows(judged, name, ranking_metrics(scores, judged.labels))
    if accounts is None:
        return rows
    low, high = auc_interval(scores, judged.labels, accounts)
    return [replace(row, value_low=low, value_high=high) if row.metric == "auc" else row for row in rows]


def _metric_rows(judged: Judged, name: str, metrics: dict[str, float]) -> list[Backtest]:
    fold = judged.fold
    return [
        Backtest(
            model_name=name,
            slice=fold.name,
            train_from=fold.train[0],
            train_to=fold.train[-1],
            test_from=fold.test[0],
            test_to=fold.test[-1],
            rows=len(judged.labels),
            positives=int(judged.labels.sum()),
            metric=metric,
            value=value,
        )
        for metric, value in metrics.items()
    ]


def _common_manifest(known: Dataset, horizon_days: int, scale: ScoreScale) -> dict[str, Any]:
    rows = len(known.labels)
    return {
        "data_hash": data_hash(known),
        "code_hash": code_hash(),
        "horizon_days": horizon_days,
        "as_of_from": str(known.dates[0]) if rows else None,
        "as_of_to": str(known.dates[-1]) if rows else None,
        "rows": rows,
        "positives": int(known.labels.sum()),
        "won_accounts": _won_accounts(known, np.ones(rows, dtype=np.bool_)),
        "score_scale": asdict(scale),
        "notes": list(known.notes),
    }


def _boosting_manifest(
    known: Dataset,
    horizon_days: int,
    scale: ScoreScale,
    split: Split,
    chosen: Chosen,
    served: Boosting,
    backtests: tuple[Backtest, ...],
) -> dict[str, Any]:
    parameters = boosting.parameters(known.labels, _monotone(known), threads=0)
    del parameters["num_threads"]  # it changes nothing, so it must not change the version
    return {
        **_common_manifest(known, horizon_days, scale),
        "reason": None,
        "features": features_to_json(known.encoding),
        "rules": [],
        "parameters": {**parameters, "horizon_days": horizon_days},
        "rounds": chosen.rounds,
        "logistic_penalty": chosen.penalty,
        "initial_margin": served.initial_margin,
        "lightgbm": boosting.library_version(),
        "split": [_fold_to_json(fold) for fold in (*split.folds, split.test)],
        "metrics": _newest_metrics(backtests),
    }


def _fold_to_json(fold: Fold) -> dict[str, Any]:
    return {"name": fold.name, "train": [str(day) for day in fold.train], "test": [str(day) for day in fold.test]}


def _newest_metrics(backtests: tuple[Backtest, ...]) -> dict[str, Any]:
    """Metrics of the newest slice by model, with its rows and won rows."""
    newest = [row for row in backtests if row.slice == "test"]
    metrics: dict[str, dict[str, float]] = {}
    for row in newest:
        of_model = metrics.setdefault(row.model_name, {})
        of_model[row.metric] = row.value
        if row.value_low is not None and row.value_high is not None:
            of_model |= {f"{row.metric}_low": row.value_low, f"{row.metric}_high": row.value_high}
    return {
        "rows": newest[0].rows,
        "positives": newest[0].positives,
        "test_from": str(newest[0].test_from),
        "test_to": str(newest[0].test_to),
        **{name: rounded(values) for name, values in metrics.items()},
    }


def _monotone(dataset: Dataset) -> tuple[int, ...]:
    return tuple(feature.monotone for feature in dataset.encoding)
