"""The method, top to bottom: split, size rungs on folds, judge, choose, correct segments, calibrate, refit, explain."""
# pyright: reportMissingTypeStubs=false
# (threadpoolctl ships no types)

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ml import boosting, logistic, scorecard
from ml.arrow import Bools, Dates, Floats, Table, Texts
from ml.boosting import Boosting, Shape
from ml.calibrate import METHODS, NOMINAL, Calibrated, CalibrationMap, Method, apply_calibration, fit_calibration
from ml.dataset import Dataset, labelled
from ml.evaluate import (
    auc_interval,
    interval_coverage,
    interval_groups,
    log_loss,
    margin_log_loss,
    newest_first,
    probability_metrics,
    ranking_metrics,
    resampled_log_loss,
    rounded,
    shifted_to_base_rate,
)
from ml.explain import SignalWeight, rank_agreement, signal_weights, with_stability
from ml.fitted import (
    BLEND,
    GRADIENT_BOOSTING,
    LOGISTIC,
    RULES,
    SCORECARD,
    Fitted,
    blended,
    explain_fitted,
    margins,
    to_json,
    trees_text,
)
from ml.ladder import (
    CLEAR,
    WON_TO_JUDGE,
    Choice,
    Evidence,
    OutOfTime,
    allowed_rungs,
    choose_rung,
    without_judgement,
)
from ml.logistic import Logistic
from ml.pooling import Pooled, Rows, Slice, pool, refit
from ml.register import (
    Backtest,
    NewestSlice,
    TrainedModel,
    code_hash,
    data_hash,
    features_to_json,
    make_record,
    open_model,
)
from ml.rules import Rule, read_rules, rules_scale, rules_to_json
from ml.scale import ScoreScale, fit_scale
from ml.scorecard import Scorecard
from ml.segments import Correction, Segment
from ml.split import Fold, Split, SplitTooShort, overlap, rows_of, time_split

# Two fits side by side on one thread each: LightGBM's own threads wait for each other after every split, which on a
# busy machine made a training of 8 s take 49 s.
PARALLEL_FITS = 2

# Exact contributions cost 0.12 s per 1,000 rows of 200 features; 10,000 rows fix a mean to a percent of its spread.
WEIGHED_ROWS, COMPARED_ROWS = 10_000, 1_000

WON_TO_SEARCH = 2_000  # won accounts from which on shapes of trees can be told apart
SHARES = tuple(step / 10 for step in range(11))  # of the trees in the blend
AGE_FEATURE = "tenure__days"  # the baseline "newest first" ranks by it


class TooFewOutcomes(ValueError):  # noqa: N818 - the name says what is wrong
    """Too few won or lost accounts to learn from, or to judge by."""


class NothingLearned(ValueError):  # noqa: N818 - the name says what is wrong
    """No rung that the data allow ranks later accounts better than chance."""

    def __init__(self, reason: str, evidence: tuple[Evidence, ...], backtests: tuple[Backtest, ...]) -> None:
        super().__init__(reason)
        self.evidence = evidence
        self.backtests = backtests


@dataclass(frozen=True)
class Options:
    """What a user may ask of a training.

    `half_life_days`: rows so much older than the newest weigh half; None: all weigh the same. `segments`: kinds of
    accounts that may be corrected, in this order.
    """

    half_life_days: float | None = None
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """Models of every size, fitted before a fold.

    `level` is the log odds of the base rate that they were fitted on.
    """

    fold: Fold
    rows: Bools
    labels: Floats
    level: float
    card: Scorecard
    lines: tuple[Logistic, ...]
    trees: tuple[Boosting, ...]
    of_lines: Floats  # margins (penalties, rows)
    of_trees: Floats  # margins (shapes, stages of 0, 10, … rounds, rows)


@dataclass(frozen=True)
class Sizes:
    """What the folds chose. `rounds` and `share` are 0 where no trees were better than none."""

    rungs: tuple[str, ...]
    penalty: float
    shape: Shape
    rounds: int
    share: float
    left_out: dict[str, str]  # rungs that the data allow but the folds made pointless, with the reason


@dataclass(frozen=True)
class Judged:
    """Models of the chosen sizes and their out-of-time margins of a slice; `level` as in `Attempt`."""

    fold: Fold
    rows: Bools
    labels: Floats
    level: float
    models: dict[str, Fitted]
    margins: dict[str, Floats]


@dataclass(frozen=True)
class Calibration:
    """The map that is served, how it was chosen, and what each way lost on the newest slice.

    `of_folds` is the same way to a probability before it knew the newest slice.
    """

    steps: CalibrationMap
    of_folds: CalibrationMap
    method: Method
    reason: str
    log_losses: dict[str, float]


def train(
    dataset: Dataset,
    scoring_rules: Table,
    horizon_days: int,
    trained_at: datetime,
    threads: int = 1,
    rule_points: Floats | None = None,
    options: Options | None = None,
) -> TrainedModel:
    """Train every rung that the labels allow and serve the simplest that no other beats, or the rules and say why.

    Args:
        dataset: rows of all as-of dates; only those with a label are learned from.
        scoring_rules: the seed, for the rules rung.
        horizon_days: length of the label window, which is the embargo between slices.
        trained_at: recorded as given; nothing else depends on the clock.
        threads: for each LightGBM fit, beside two fits at a time; the trees are the same for any number.
        rule_points: the rules' points for each row of the dataset, to judge them beside the models.
        options: see `Options`.

    Raises:
        UnusableRule: the rules rung is needed and the rules contradict each other.
    """
    known, options = labelled(dataset), options or Options()
    points = None if rule_points is None else rule_points[~np.isnan(dataset.labels)]
    rules = read_rules(scoring_rules)
    try:
        with threadpool_limits(1, user_api="blas"):  # with more, sums come out differently from run to run
            return _climb(known, points, horizon_days, trained_at, threads, options)
    except (SplitTooShort, TooFewOutcomes) as reason:
        ladder = without_judgement(_won_accounts(known, np.ones(len(known.labels), dtype=np.bool_)), str(reason))
        return _take_rules(known, rules, horizon_days, trained_at, str(reason), ladder, ())
    except NothingLearned as found:
        return _take_rules(known, rules, horizon_days, trained_at, str(found), found.evidence, found.backtests)


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
    return _take_rules(labelled(dataset), read_rules(scoring_rules), horizon_days, trained_at, reason, (), ())


def _climb(
    known: Dataset,
    points: Floats | None,
    horizon_days: int,
    trained_at: datetime,
    threads: int,
    options: Options,
) -> TrainedModel:
    """The best learned rung, refitted on everything, with the sizes and the calibration learned out of time.

    The served model is refitted on all mature rows, while its calibration comes from models fitted on earlier rows and
    judged on later ones. This assumes that such models' margins, once moved to the same base rate, mean the same as the
    refitted one's: same recipe, same sizes, only more and newer rows.
    """
    split = _usable_split(known, time_split(known.dates, horizon_days))
    won = _won_accounts(known, rows_of(known.dates, split.test.train))
    with ThreadPoolExecutor(PARALLEL_FITS) as pool:
        attempts = list(
            pool.map(
                partial(_attempt_every_size, known, rungs=allowed_rungs(won), threads=threads, options=options),
                split.folds,
            )
        )
        sizes = choose_sizes(attempts, allowed_rungs(won))
        newest = pool.submit(_judge_newest, known, split.test, sizes, threads, options)
        slices = [*(_judge_fold(known, attempt, sizes) for attempt in attempts), newest.result()]
    choice = choose_rung(_out_of_time(known, slices, points), won, sizes.left_out)
    if choice.rung == RULES:
        maps = _maps_of_folds(known, slices, "intercept_shift", {})
        raise NothingLearned(str(choice.reason), choice.evidence, _backtests(known, slices, points, maps))
    pooled = _pool_segments(known, slices, choice.rung, options)
    slices = [_corrected(known, one, choice.rung, of) for one, of in zip(slices, pooled.of_slices, strict=True)]
    whole, level = fit_rung(choice.rung, known, sizes, threads, options)
    served = replace(whole, corrections=refit(pooled.kept, _rows(known, whole, options)))
    calibration = _calibrate(known, slices, choice.rung, level)
    maps = _maps_of_folds(known, slices, calibration.method, {choice.rung: calibration.of_folds})
    backtests = (
        *_backtests(known, slices, points, maps),
        *_intervals_of_folds(known, slices, choice.rung, calibration.method),
    )
    scale = fit_scale(_moved_to(level, slices[-1], choice.rung))
    weights, agreement = _weigh(known, served, slices, scale.factor)
    manifest: dict[str, Any] = {
        **_common_manifest(known, horizon_days, scale),
        "reason": None,
        "features": features_to_json(known.encoding),
        "rules": [],
        "parameters": _parameters(known, sizes, horizon_days, options),
        "options": options_to_json(options),
        "sizes": asdict(sizes),
        "served": to_json(served),
        "lightgbm": boosting.library_version(),
        "scikit_learn": logistic.library_version(),
        "split": [_fold_to_json(fold) for fold in (*split.folds, split.test)],
        "ladder": _ladder_to_json(choice),
        "segments": [asdict(one) for one in pooled.evidence],
        "calibration": {
            "method": calibration.method,
            "reason": calibration.reason,
            "log_loss": rounded(calibration.log_losses),
            "interval_level": NOMINAL,
        },
        "weights_rank_agreement": rounded({"value": agreement})["value"],
        "metrics": _newest_metrics(backtests),
    }
    trained = _registered(
        choice.rung, manifest, trees_text(served), calibration.steps, backtests, weights, choice.evidence, trained_at
    )
    newest = _newest_slice(known, slices[-1], choice.rung, calibration.of_folds, level)
    return replace(trained, segments=pooled.evidence, out_of_time=newest)


def options_to_json(options: Options) -> dict[str, Any]:
    """For the manifest, as it is read back."""
    return {
        "half_life_days": options.half_life_days,
        "segments": [asdict(segment) for segment in options.segments],
    }


def _newest_slice(known: Dataset, test: Judged, rung: str, of_folds: CalibrationMap, level: float) -> NewestSlice:
    """The newest slice's rows as the recipe saw them, calibrated as the backtest calibrates."""
    rows = known.rows(test.rows)
    calibrated = apply_calibration(of_folds, test.margins[rung])
    return NewestSlice(rows.account_ids, rows.dates, test.labels, _moved_to(level, test, rung), calibrated.probability)


def _take_rules(
    known: Dataset,
    rules: tuple[Rule, ...],
    horizon_days: int,
    trained_at: datetime,
    reason: str,
    ladder: tuple[Evidence, ...],
    backtests: tuple[Backtest, ...],
) -> TrainedModel:
    manifest: dict[str, Any] = {
        **_common_manifest(known, horizon_days, rules_scale(rules)),
        "reason": reason,
        "features": [],  # the rules say which metrics they read
        "rules": rules_to_json(rules),
        "parameters": {},
        "metrics": _newest_metrics(backtests),
    }
    return _registered(RULES, manifest, "", None, backtests, (), ladder, trained_at)


def _registered(
    rung: str,
    manifest: dict[str, Any],
    model_text: str,
    calibration: CalibrationMap | None,
    backtests: tuple[Backtest, ...],
    weights: tuple[SignalWeight, ...],
    ladder: tuple[Evidence, ...],
    trained_at: datetime,
) -> TrainedModel:
    record = make_record(rung, manifest, model_text, calibration, trained_at)
    # opened from its own record: what scores today is what a later run will load
    return TrainedModel(record, calibration, backtests, weights, ladder, open_model(record, calibration))


def _usable_split(known: Dataset, split: Split) -> Split:
    """The split without folds that have nothing to learn or to judge.

    Raises:
        TooFewOutcomes: says how many won accounts there are, and how many are needed.
    """
    if not known.encoding:
        raise TooFewOutcomes("the examples have no feature")
    folds = tuple(fold for fold in split.folds if _has_outcomes(known, fold))
    judged = _won_accounts(known, rows_of(known.dates, tuple(day for f in (*folds, split.test) for day in f.test)))
    to_fit = _won_accounts(known, rows_of(known.dates, split.test.train))
    if not allowed_rungs(to_fit) or judged < WON_TO_JUDGE:
        raise TooFewOutcomes(
            f"{to_fit} won accounts up to {split.test.train[-1]} and {judged} later ones to judge by; "
            f"the simplest model needs {WON_TO_JUDGE} of each"
        )
    if not _has_outcomes(known, split.test) or not folds:
        raise TooFewOutcomes("no slice of time has both won and lost accounts to learn from and later ones to judge by")
    return Split(folds, split.test)


def _has_outcomes(known: Dataset, fold: Fold) -> bool:
    fit, judged = rows_of(known.dates, fold.train), rows_of(known.dates, fold.test)
    both_classes = all(len(np.unique(known.labels[rows])) == 2 for rows in (fit, judged))
    return both_classes and bool(allowed_rungs(_won_accounts(known, fit)))


def _won_accounts(known: Dataset, rows: Bools) -> int:
    return len(set(known.account_ids[rows & (known.labels == 1)]))


def recency_weights(dates: Dates, half_life_days: float | None) -> Floats | None:
    """1 for the newest rows, half of it for those a half-life older, scaled to a mean of 1; None: no weights."""
    if half_life_days is None:
        return None
    age = (dates.max() - dates) / np.timedelta64(1, "D")
    weights = 0.5 ** (age / half_life_days)
    return weights / weights.mean()


def _attempt_every_size(known: Dataset, fold: Fold, rungs: tuple[str, ...], threads: int, options: Options) -> Attempt:
    fit, rows = known.rows(rows_of(known.dates, fold.train)), rows_of(known.dates, fold.test)
    X = known.X[rows]
    weights = recency_weights(fit.dates, options.half_life_days)
    lines: tuple[Logistic, ...] = ()
    if LOGISTIC in rungs:
        lines = logistic.fit_path(fit.X, fit.labels, logistic.PENALTIES, weights)
    trees: tuple[Boosting, ...] = ()
    if GRADIENT_BOOSTING in rungs:
        trees = tuple(_fit_trees(fit, shape, boosting.MAX_ROUNDS, threads, weights) for shape in _shapes(known))
    return Attempt(
        fold,
        rows,
        known.labels[rows],
        boosting.log_odds(boosting.base_rate(fit.labels, weights)),
        scorecard.fit(fit.X, fit.labels, fit.account_ids, fit.encoding),
        lines,
        trees,
        np.array([logistic.margins(line, X) for line in lines]),
        np.array([boosting.staged_margins(one, X, boosting.MAX_ROUNDS) for one in trees]),
    )


def _shapes(known: Dataset) -> tuple[Shape, ...]:
    enough = _won_accounts(known, np.ones(len(known.labels), dtype=np.bool_)) >= WON_TO_SEARCH
    return boosting.SEARCHED_SHAPES if enough else (boosting.DEFAULT_SHAPE,)


def choose_sizes(attempts: Sequence[Attempt], rungs: tuple[str, ...]) -> Sizes:
    """Least mean log-loss over the folds, after a shift to each fold's base rate, so that its drift decides nothing.

    The stronger penalty, the plainer shape, fewer trees and fewer of them in the blend win ties. No trees at all is a
    legal answer: then there is no rung with trees.
    """
    penalty, shape, rounds, share = logistic.PENALTIES[0], boosting.DEFAULT_SHAPE, 0, 0.0
    line_at = shape_at = 0
    if LOGISTIC in rungs:
        line_at = int(np.argmin(_mean_losses([attempt.of_lines for attempt in attempts], attempts)))
        penalty = logistic.PENALTIES[line_at]
    if GRADIENT_BOOSTING in rungs:
        stages = attempts[0].of_trees.shape[1]
        flat = [attempt.of_trees.reshape(-1, len(attempt.labels)) for attempt in attempts]
        shape_at, best = divmod(int(np.argmin(_mean_losses(flat, attempts))), stages)
        shape, rounds = boosting.SEARCHED_SHAPES[shape_at], best * boosting.ROUND_STEP
    if rounds:
        mixed = [
            np.stack(
                [blended(a.of_trees[shape_at, rounds // boosting.ROUND_STEP], a.of_lines[line_at], s) for s in SHARES]
            )
            for a in attempts
        ]
        share = SHARES[int(np.argmin(_mean_losses(mixed, attempts)))]
    left_out: dict[str, str] = {}
    if GRADIENT_BOOSTING in rungs and not rounds:
        no_trees = "no number of trees predicts the folds better than their base rate"
        left_out = {GRADIENT_BOOSTING: no_trees, BLEND: no_trees}
    elif BLEND in rungs and share in (0.0, 1.0):
        left_out[BLEND] = f"the folds give all weight to {GRADIENT_BOOSTING if share else LOGISTIC}: it is the same"
    offered = tuple(rung for rung in rungs if rung not in left_out)
    return Sizes(offered, penalty, shape, rounds, share, left_out)


def _mean_losses(candidates: Sequence[Floats], attempts: Sequence[Attempt]) -> Floats:
    """By candidate (rows of each array), over the folds."""
    losses = [
        [margin_log_loss(shifted_to_base_rate(m, attempt.labels), attempt.labels) for m in of_fold]
        for of_fold, attempt in zip(candidates, attempts, strict=True)
    ]
    return np.mean(losses, axis=0)


def _judge_fold(known: Dataset, attempt: Attempt, sizes: Sizes) -> Judged:
    """The attempt's models of the chosen sizes."""
    parts: dict[str, Any] = {"card": attempt.card}
    if attempt.lines:
        parts["line"] = attempt.lines[logistic.PENALTIES.index(sizes.penalty)]
    if sizes.rounds:
        parts["trees"] = boosting.first_rounds(attempt.trees[boosting.SEARCHED_SHAPES.index(sizes.shape)], sizes.rounds)
    return _judged(known, attempt.fold, attempt.level, parts, sizes)


def _judge_newest(known: Dataset, fold: Fold, sizes: Sizes, threads: int, options: Options) -> Judged:
    parts, level = _fit_parts(known.rows(rows_of(known.dates, fold.train)), sizes.rungs, sizes, threads, options)
    return _judged(known, fold, level, parts, sizes)


def _judged(known: Dataset, fold: Fold, level: float, parts: dict[str, Any], sizes: Sizes) -> Judged:
    rows = rows_of(known.dates, fold.test)
    models = {rung: _assemble(rung, parts, sizes) for rung in sizes.rungs}
    found = {rung: margins(model, known.X[rows]) for rung, model in models.items()}
    return Judged(fold, rows, known.labels[rows], level, models, found)


def fit_rung(rung: str, known: Dataset, sizes: Sizes, threads: int, options: Options) -> tuple[Fitted, float]:
    """Fit one rung of the given sizes on all labelled rows; the log odds of their base rate come with it."""
    parts, level = _fit_parts(known, (rung,), sizes, threads, options)
    return _assemble(rung, parts, sizes), level


def _fit_parts(
    fit: Dataset, rungs: tuple[str, ...], sizes: Sizes, threads: int, options: Options
) -> tuple[dict[str, Any], float]:
    weights = recency_weights(fit.dates, options.half_life_days)
    parts: dict[str, Any] = {}
    if SCORECARD in rungs:
        parts["card"] = scorecard.fit(fit.X, fit.labels, fit.account_ids, fit.encoding)
    if LOGISTIC in rungs or BLEND in rungs:
        (parts["line"],) = logistic.fit_path(fit.X, fit.labels, (sizes.penalty,), weights)
    if GRADIENT_BOOSTING in rungs or BLEND in rungs:
        parts["trees"] = _fit_trees(fit, sizes.shape, sizes.rounds, threads, weights)
    return parts, boosting.log_odds(boosting.base_rate(fit.labels, weights))


def _fit_trees(fit: Dataset, shape: Shape, rounds: int, threads: int, weights: Floats | None) -> Boosting:
    return boosting.fit(fit.X, fit.labels, _monotone(fit), rounds, threads, shape, weights)


PARTS = {SCORECARD: ("card",), LOGISTIC: ("line",), GRADIENT_BOOSTING: ("trees",), BLEND: ("line", "trees")}


def _assemble(rung: str, parts: dict[str, Any], sizes: Sizes) -> Fitted:
    share = sizes.share if rung == BLEND else float(rung == GRADIENT_BOOSTING)
    return Fitted(rung, **{name: parts[name] for name in PARTS[rung]}, share=share)


def _pool_segments(known: Dataset, slices: Sequence[Judged], rung: str, options: Options) -> Pooled:
    """Which segments the chosen rung is corrected for."""
    found = [
        Slice(
            _rows(known.rows(rows_of(known.dates, one.fold.train)), one.models[rung], options),
            _rows(known.rows(one.rows), one.models[rung], Options()),
        )
        for one in slices
    ]
    return pool(options.segments, found, known.encoding)


def _rows(rows: Dataset, model: Fitted, options: Options) -> Rows:
    weights = recency_weights(rows.dates, options.half_life_days)
    return Rows(rows.X, rows.labels, rows.account_ids, margins(model, rows.X), weights)


def _corrected(known: Dataset, judged: Judged, rung: str, corrections: tuple[Correction, ...]) -> Judged:
    model = replace(judged.models[rung], corrections=corrections)
    of_model = margins(model, known.X[judged.rows])
    return replace(judged, models={**judged.models, rung: model}, margins={**judged.margins, rung: of_model})


def _out_of_time(known: Dataset, slices: Sequence[Judged], points: Floats | None) -> OutOfTime:
    found = {rung: np.concatenate([one.margins[rung] for one in slices]) for rung in slices[0].margins}
    if points is not None:
        found[RULES] = np.concatenate([points[one.rows] for one in slices])
    return OutOfTime(
        labels=np.concatenate([one.labels for one in slices]),
        slices=np.concatenate([np.full(len(one.labels), number, dtype=np.int64) for number, one in enumerate(slices)]),
        account_ids=np.concatenate([known.account_ids[one.rows] for one in slices]),
        margins=found,
    )


def _moved_to(level: float, judged: Judged, rung: str) -> Floats:
    """Out-of-time margins as if their model had been fitted at this base rate."""
    return judged.margins[rung] - judged.level + level


def _fit_map(known: Dataset, slices: Sequence[Judged], rung: str, level: float, method: Method) -> CalibrationMap:
    return fit_calibration(
        np.concatenate([_moved_to(level, one, rung) for one in slices]),
        np.concatenate([one.labels for one in slices]),
        np.concatenate([known.account_ids[one.rows] for one in slices]),
        method,
    )


def _calibrate(known: Dataset, slices: Sequence[Judged], rung: str, level: float) -> Calibration:
    """The simplest way to a probability that no other beats: learned on the folds, compared on the newest slice.

    The winner is then learned on all slices.
    """
    *folds, test = slices
    accounts = known.account_ids[test.rows]
    of_folds = {method: _fit_map(known, folds, rung, test.level, method) for method in METHODS}
    found = {method: apply_calibration(of_folds[method], test.margins[rung]).probability for method in METHODS}
    draws = {method: resampled_log_loss(found[method], test.labels, accounts) for method in METHODS}
    standing: Method = METHODS[0]
    for method in METHODS[1:]:
        if float((draws[method] < draws[standing]).mean()) >= CLEAR:
            standing = method
    losses = {method: log_loss(found[method], test.labels) for method in METHODS}
    others = ", ".join(f"{method} {loss:.4f}" for method, loss in losses.items() if method != standing)
    reason = (
        f"{standing} loses {losses[standing]:.4f} on the newest slice ({others}); "
        f"a simpler way stands unless another loses less in {CLEAR:.0%} of the resamples"
    )
    steps = _fit_map(known, slices, rung, level, standing)
    return Calibration(steps, of_folds[standing], standing, reason, dict(losses))


def _maps_of_folds(
    known: Dataset, slices: Sequence[Judged], method: Method, fitted: dict[str, CalibrationMap]
) -> dict[str, CalibrationMap]:
    """One map per model, learned on the folds; that of the served rung is there already."""
    *folds, test = slices
    return {name: fitted.get(name) or _fit_map(known, folds, name, test.level, method) for name in test.margins}


def _weigh(
    known: Dataset, served: Fitted, slices: Sequence[Judged], factor: float
) -> tuple[tuple[SignalWeight, ...], float]:
    """What the served model learned of each signal, and how far the models of earlier slices agree."""
    weighed, compared = known.thinned(WEIGHED_ROWS), known.thinned(COMPARED_ROWS)
    weights = signal_weights(explain_fitted(served, weighed.X), weighed, factor)
    earlier = [signal_weights(explain_fitted(one.models[served.rung], compared.X), compared, factor) for one in slices]
    return with_stability(weights, earlier), rank_agreement(weights, earlier)


def _backtests(
    known: Dataset, slices: Sequence[Judged], points: Floats | None, maps: dict[str, CalibrationMap]
) -> tuple[Backtest, ...]:
    """Rankings and overlaps of every slice; on the newest also probabilities calibrated by the folds, and intervals."""
    *folds, test = slices
    found: list[Backtest] = []
    for one in slices:
        twins, accounts = overlap(known.X, known.account_ids, known.dates, one.fold)
        found += _metric_rows(one, "split", {"share_of_twins": twins, "share_of_known_accounts": accounts})
    for fold in folds:
        found += [row for name in fold.margins for row in _ranking_rows(fold, name, fold.margins[name])]
    accounts_of_test = known.account_ids[test.rows]
    for name, of_model in test.margins.items():
        given = apply_calibration(maps[name], of_model)
        found += _ranking_rows(test, name, of_model, accounts_of_test)
        found += _metric_rows(test, name, probability_metrics(given.probability, test.labels))
        found += _metric_rows(test, name, _interval_metrics(given, test.labels))
    if points is not None:
        found += _ranking_rows(test, RULES, points[test.rows], accounts_of_test)
    age = next((j for j, feature in enumerate(known.encoding) if feature.name == AGE_FEATURE), None)
    if age is not None:
        found += _ranking_rows(test, "newest_first", newest_first(known.X[test.rows, age]), accounts_of_test)
    return tuple(found)


def _intervals_of_folds(known: Dataset, slices: Sequence[Judged], rung: str, method: Method) -> tuple[Backtest, ...]:
    """The served rung's intervals on every fold but the first, each calibrated by the folds before it."""
    folds = slices[:-1]
    found: list[Backtest] = []
    for k, fold in enumerate(folds[1:], start=1):
        before = _fit_map(known, folds[:k], rung, fold.level, method)
        given = apply_calibration(before, fold.margins[rung])
        found += _metric_rows(fold, rung, _interval_metrics(given, fold.labels))
    return tuple(found)


def _interval_metrics(given: Calibrated, labels: Floats) -> dict[str, float]:
    low, high = given.probability_low, given.probability_high
    return {
        "interval_coverage": interval_coverage(given.probability, low, high, labels, NOMINAL),
        "interval_groups": float(len(interval_groups(given.probability))),
        "interval_width": float((high - low).mean()),
    }


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
        "won_rows": int(known.labels.sum()),
        "won_accounts": _won_accounts(known, np.ones(rows, dtype=np.bool_)),
        "score_scale": asdict(scale),
        "notes": list(known.notes),
    }


def _parameters(known: Dataset, sizes: Sizes, horizon_days: int, options: Options) -> dict[str, Any]:
    of_trees = boosting.parameters(known.labels, _monotone(known), sizes.shape, threads=0)
    del of_trees["num_threads"]  # it changes nothing, so it must not change the version
    return {**of_trees, "horizon_days": horizon_days, **options_to_json(options)}


def _ladder_to_json(choice: Choice) -> list[dict[str, Any]]:
    return [asdict(one) for one in choice.evidence]


def _fold_to_json(fold: Fold) -> dict[str, Any]:
    return {"name": fold.name, "train": [str(day) for day in fold.train], "test": [str(day) for day in fold.test]}


def _newest_metrics(backtests: tuple[Backtest, ...]) -> dict[str, Any]:
    """Metrics of the newest slice by model, with its rows and won rows; nothing where nothing was judged."""
    newest = [row for row in backtests if row.slice == "test"]
    if not newest:
        return {}
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
