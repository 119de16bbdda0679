"""Where one kind of account buys for other reasons: a correction of the whole's margin for accounts of a segment.

Partial pooling: the margin of an account in the segment is the whole's plus intercept + coefficients x (transformed
value - segment's mean). Intercept and coefficients are deviations from the whole, all pulled towards none by one L2
penalty; the more the segment's rows say, the further they go. An account outside, or of unknown value, keeps the
whole's margin and its reasons.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml import arrow, logistic
from ml.arrow import Bools, Floats, Schema, Table
from ml.dataset import Encoding, build_dataset, column_feature, read_polarity, signal_feature
from ml.evaluate import sigmoid
from ml.logistic import Logistic
from ml.ranges import bound, within

# Inverse strengths of the penalty, strongest first, as scikit-learn's C counts them.
PENALTIES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
NEWTON_STEPS, CONVERGED = 30, 1e-9
SEGMENT_MEMBERS: Schema = {
    "account_id": "text",
    "as_of_date": "date",
    "segment": "text",
    "position": "integer",
}


@dataclass(frozen=True)
class Segment:
    """Accounts whose `metric` of `signal` is at least `at_least` and below `below` (None: no bound)."""

    name: str
    signal: str
    metric: str
    at_least: float | None
    below: float | None

    @property
    def feature(self) -> str:
        """The name of the feature that tells who belongs."""
        return f"{self.signal}__{self.metric}"


@dataclass(frozen=True)
class Correction:
    """What a segment adds to the margin of its accounts; `column` is the feature that tells who belongs.

    `line` is a logistic on deviations alone: its `centre` is the mean over the segment's training rows.
    """

    segment: Segment
    column: int
    line: Logistic


def read_segments(segments: Table) -> tuple[Segment, ...]:
    """The seed's rows by position: segment, signal, metric, from, below."""
    rows = arrow.rows(segments, ["position", "segment", "signal", "metric", "from", "below"])
    return tuple(
        Segment(row["segment"], row["signal"], row["metric"], bound(row["from"]), bound(row["below"]))
        for row in sorted(rows, key=lambda row: row["position"])
    )


def column_of(segment: Segment, encoding: Encoding) -> int | None:
    """Where the feature that tells who belongs stands; None where the model has no such number."""
    return next((j for j, f in enumerate(encoding) if f.name == segment.feature and f.category is None), None)


def members(segment: Segment, values: Floats) -> Bools:
    """Who belongs, by the values of the segment's feature; nobody whose value is missing."""
    return within(values, segment.at_least, segment.below)


def segment_members(segments: Sequence[Segment], examples: Table, signal_metrics: Table, signals: Table) -> Table:
    """`SEGMENT_MEMBERS`: one row per example and segment that it belongs to, with the segment's place in the order."""
    polarity = read_polarity(signals)
    features = {
        one.feature: column_feature(one.feature, polarity)
        if one.feature in examples.column_names
        else signal_feature(one.signal, one.metric, polarity[one.signal])
        for one in segments
    }
    encoding = tuple(features[name] for name in sorted(features))
    dataset = build_dataset(examples, signal_metrics, signals, encoding)
    places = [np.flatnonzero(members(one, dataset.X[:, encoding.index(features[one.feature])])) for one in segments]
    rows = np.concatenate([*places, np.zeros(0, dtype=np.int64)])
    counts = [len(place) for place in places]
    return arrow.build(
        SEGMENT_MEMBERS,
        {
            "account_id": dataset.account_ids[rows],
            "as_of_date": dataset.dates[rows],
            "segment": np.repeat([one.name for one in segments], counts),
            "position": np.repeat(np.arange(1, len(segments) + 1), counts),
        },
    )


def fit_path(
    segment: Segment,
    column: int,
    X: Floats,
    labels: Floats,
    whole: Floats,
    penalties: Sequence[float],
    weights: Floats | None = None,
) -> tuple[Correction, ...]:
    """One correction per penalty (ascending), each started from the one before.

    Args:
        segment: whose accounts.
        column: of its feature in X.
        X: all training rows; the transformation is learned on them, the deviations on the segment's.
        labels: 0 or 1 by row.
        whole: the margins that are corrected.
        penalties: inverse strengths.
        weights: by row, of mean 1; None: all alike.
    """
    rows = members(segment, X[:, column])
    preparation = logistic.learn_preparation(X)
    prepared = logistic.prepare(preparation, X[rows])
    centre = prepared.mean(axis=0) if rows.any() else np.zeros(prepared.shape[1])
    Z = np.column_stack([np.ones(len(prepared)), prepared - centre])
    deviations = np.zeros(Z.shape[1])
    found: list[Correction] = []
    for penalty in penalties:
        of_rows = np.ones(len(Z)) if weights is None else weights[rows]
        deviations = _deviations(Z, labels[rows], whole[rows], of_rows, penalty, deviations)
        coefficients = deviations[1:].copy()
        intercept = float(deviations[0]) - float(centre @ coefficients)
        found.append(Correction(segment, column, Logistic(preparation, coefficients, intercept, centre)))
    return tuple(found)


def margin_changes(correction: Correction, X: Floats) -> Floats:
    """What each row's margin gains; 0 outside the segment."""
    return np.where(_inside(correction, X), logistic.margins(correction.line, X), 0.0)


def contributions(correction: Correction, X: Floats) -> Floats:
    """(rows, features): the deviation's share of each feature, 0 outside the segment.

    What the segment adds to its average account counts to the feature that tells who belongs.
    """
    shares = logistic.contributions(correction.line, X)
    shares[:, correction.column] += logistic.base_margin(correction.line)
    shares[~_inside(correction, X)] = 0.0
    return shares


def to_json(corrections: Iterable[Correction]) -> list[dict[str, Any]]:
    """For the manifest; every number round-trips exactly."""
    return [
        {"segment": asdict(one.segment), "column": one.column, "line": logistic.to_json(one.line)}
        for one in corrections
    ]


def from_json(content: Iterable[dict[str, Any]]) -> tuple[Correction, ...]:
    """The corrections that `to_json` wrote."""
    return tuple(
        Correction(Segment(**one["segment"]), one["column"], logistic.from_json(one["line"])) for one in content
    )


def _deviations(Z: Floats, labels: Floats, whole: Floats, weights: Floats, penalty: float, start: Floats) -> Floats:
    """The least of weighted log-loss + |deviations|^2 / (2 x penalty), by Newton's method with halved steps."""
    found = start
    loss = _penalised(Z, labels, whole, weights, penalty, found)
    for _ in range(NEWTON_STEPS):
        probability = sigmoid(whole + Z @ found)
        gradient = Z.T @ (weights * (probability - labels)) + found / penalty
        curvature = (Z * (weights * probability * (1 - probability))[:, None]).T @ Z + np.eye(Z.shape[1]) / penalty
        step = np.linalg.solve(curvature, gradient)
        following = _penalised(Z, labels, whole, weights, penalty, found - step)
        while following > loss and np.abs(step).max() > CONVERGED:
            step = step / 2
            following = _penalised(Z, labels, whole, weights, penalty, found - step)
        found, loss = found - step, following
        if np.abs(step).max() < CONVERGED:
            break
    return found


def _penalised(Z: Floats, labels: Floats, whole: Floats, weights: Floats, penalty: float, found: Floats) -> float:
    margins = whole + Z @ found
    fit = float((weights * (np.logaddexp(0, margins) - labels * margins)).sum())
    return fit + float(found @ found) / (2 * penalty)


def _inside(correction: Correction, X: Floats) -> Bools:
    return members(correction.segment, X[:, correction.column])
