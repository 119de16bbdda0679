"""Which segments are corrected: those with which later accounts are ranked better than by the whole.

Segments are taken in their order, each on top of the whole and of the segments kept before it. Strengths are
chosen on the folds, "no correction" among them; the same paired bootstrap over accounts as on the ladder decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml import segments
from ml.arrow import Floats, Integers, Texts
from ml.dataset import Encoding
from ml.evaluate import margin_log_loss, resampled, shifted_to_base_rate
from ml.ladder import SURE, TAIL, WON_TO_JUDGE
from ml.segments import PENALTIES, Correction, Segment

# Won accounts of the segment, as many as the logistic asks of the whole.
NEEDED = 20


@dataclass(frozen=True)
class Rows:
    """Accounts as of some dates, and the margins that the model gives them."""

    X: Floats
    labels: Floats
    accounts: Texts
    margins: Floats
    weights: Floats | None = None


@dataclass(frozen=True)
class Slice:
    """The rows that a slice's model was fitted on, and the later ones that it is judged by."""

    fit: Rows
    later: Rows


@dataclass(frozen=True)
class SegmentEvidence:
    """What speaks for or against a correction of one segment; figures are None where it was not judged.

    `gain` is the average precision over all later accounts less `against`, that without the correction; `better_in` the
    share of resamples in which it is above 0. `penalty` is the inverse strength.
    """

    segment: str
    position: int
    feature: str
    at_least: float | None
    below: float | None
    won_accounts: int
    needed: int
    is_corrected: bool
    reason: str
    penalty: float | None = None
    average_precision: float | None = None
    against: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    better_in: float | None = None


@dataclass(frozen=True)
class Pooled:
    """The segments that are corrected, with their strengths; each slice's corrections; and the evidence of all."""

    kept: tuple[tuple[Segment, int, float], ...]
    of_slices: tuple[tuple[Correction, ...], ...]
    evidence: tuple[SegmentEvidence, ...]


def pool(asked_for: Sequence[Segment], slices: Sequence[Slice], encoding: Encoding) -> Pooled:
    """Decide on each segment.

    Args:
        asked_for: the segments, in order.
        slices: folds, then the newest slice, which chooses no strength.
        encoding: what the columns are.
    """
    kept: list[tuple[Segment, int, float]] = []
    of_slices: list[tuple[Correction, ...]] = [() for _ in slices]
    evidence: list[SegmentEvidence] = []
    for position, segment in enumerate(asked_for, start=1):
        column = segments.column_of(segment, encoding)
        blank = _blank(segment, position, column, slices[-1].fit)
        reason = _why_not_tried(segment, column, slices)
        if reason or column is None:
            evidence.append(replace(blank, reason=reason))
            continue
        paths = [_path(segment, column, one.fit) for one in slices]
        at = _best_strength(paths, slices[:-1])
        if at is None:
            evidence.append(replace(blank, reason="no correction of any strength predicts the folds better: the whole"))
            continue
        tried = [_corrected(one, path[at]) for one, path in zip(slices, paths, strict=True)]
        found = _compare(blank, PENALTIES[at], [one.later for one in slices], [one.later for one in tried])
        evidence.append(found)
        if found.is_corrected:
            slices = tried
            kept.append((segment, column, PENALTIES[at]))
            of_slices = [(*before, path[at]) for before, path in zip(of_slices, paths, strict=True)]
    return Pooled(tuple(kept), tuple(of_slices), tuple(evidence))


def refit(kept: Sequence[tuple[Segment, int, float]], rows: Rows) -> tuple[Correction, ...]:
    """The kept corrections, fitted on these rows, in their order."""
    found: list[Correction] = []
    for segment, column, penalty in kept:
        (one,) = segments.fit_path(segment, column, rows.X, rows.labels, rows.margins, (penalty,), rows.weights)
        rows = replace(rows, margins=rows.margins + segments.margin_changes(one, rows.X))
        found.append(one)
    return tuple(found)


def _path(segment: Segment, column: int, fit: Rows) -> tuple[Correction, ...]:
    return segments.fit_path(segment, column, fit.X, fit.labels, fit.margins, PENALTIES, fit.weights)


def _corrected(one: Slice, correction: Correction) -> Slice:
    fit, later = (
        replace(rows, margins=rows.margins + segments.margin_changes(correction, rows.X))
        for rows in (one.fit, one.later)
    )
    return Slice(fit, later)


def _best_strength(paths: Sequence[tuple[Correction, ...]], folds: Sequence[Slice]) -> int | None:
    """The strength of least mean log-loss over the folds, after a shift to each fold's base rate; None for none."""
    losses = np.mean([_losses(path, fold.later) for path, fold in zip(paths, folds, strict=False)], axis=0)
    best = int(np.argmin(losses))
    return None if best == 0 else best - 1


def _losses(path: tuple[Correction, ...], later: Rows) -> list[float]:
    """Without a correction, then with each."""
    candidates = [later.margins, *(later.margins + segments.margin_changes(one, later.X) for one in path)]
    return [margin_log_loss(shifted_to_base_rate(margins, later.labels), later.labels) for margins in candidates]


def _compare(
    blank: SegmentEvidence, penalty: float, without: Sequence[Rows], corrected: Sequence[Rows]
) -> SegmentEvidence:
    before, before_draws = _precision(without)
    after, after_draws = _precision(corrected)
    gains = after_draws - before_draws
    gains = gains[~np.isnan(gains)]
    better = float((gains > 0).mean())
    low, high = (float(np.quantile(gains, tail)) for tail in (TAIL, 1 - TAIL))
    verb = (
        "with a correction later accounts are ranked better" if better >= SURE else "not surely better than the whole"
    )
    return replace(
        blank,
        is_corrected=better >= SURE,
        reason=f"{verb}: in {better:.0%} of the resamples, where {SURE:.0%} are asked for",
        penalty=penalty,
        average_precision=after,
        against=before,
        gain=after - before,
        gain_low=low,
        gain_high=high,
        better_in=better,
    )


def _precision(rows: Sequence[Rows]) -> tuple[float, Floats]:
    number: Integers = np.concatenate([np.full(len(one.labels), k, dtype=np.int64) for k, one in enumerate(rows)])
    margins, labels, accounts = (
        np.concatenate([getattr(one, name) for one in rows]) for name in ("margins", "labels", "accounts")
    )
    return resampled("average_precision", margins, labels, number, accounts)


def _blank(segment: Segment, position: int, column: int | None, fit: Rows) -> SegmentEvidence:
    won = 0 if column is None else _won(segment, column, fit)
    return SegmentEvidence(
        segment.name, position, segment.feature, segment.at_least, segment.below, won, NEEDED, False, ""
    )


def _why_not_tried(segment: Segment, column: int | None, slices: Sequence[Slice]) -> str:
    if column is None:
        return f"the model has no number {segment.feature} to tell who belongs: the whole"
    fit = slices[-1].fit
    inside = segments.members(segment, fit.X[:, column])
    won = _won(segment, column, fit)
    if won < NEEDED:
        return f"{won} won accounts, and {NEEDED} are needed: the whole"
    if inside.all():
        return "everybody belongs to it: it is the whole"
    judged = sum(_won(segment, column, one.later) for one in slices)
    if judged < WON_TO_JUDGE:
        return f"{judged} won accounts to judge by, and {WON_TO_JUDGE} are needed: the whole"
    return ""


def _won(segment: Segment, column: int, rows: Rows) -> int:
    inside = segments.members(segment, rows.X[:, column])
    return len(set(rows.accounts[inside & (rows.labels == 1)]))
