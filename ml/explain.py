"""Why a margin is what it is: exact contributions per feature and signal, and what a model learned of each signal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml import boosting, tree_shap
from ml.arrow import Bools, Floats, Integers
from ml.boosting import Boosting
from ml.dataset import MAIN_MEASURES, Dataset, Encoding

TOLERANCE = 1e-9


class NotAdditive(ValueError):  # noqa: N818 - the name says what is wrong
    """Base and contributions do not add up to the margin."""


@dataclass(frozen=True)
class Explanation:
    """`base` + `contributions` summed over features = `margins`, within 1e-9 for every row."""

    margins: Floats
    base: float
    contributions: Floats


@dataclass(frozen=True)
class SignalWeight:
    """What a model makes of one signal over its training rows (an even sample where they are many).

    `learned_weight` is the mean absolute contribution, `points` the same on the score's scale; `direction` the sign
    with which the contribution goes with the signal's value (0: unused, or a category); `lift` the won rate of the
    rows that have the signal over that of all rows; NaN when the signal has no count or no row has it. `stability` is
    the share of the models fitted on earlier rows that give the signal the same direction; NaN where there is none.
    """

    signal: str
    learned_weight: float
    share: float
    direction: int
    points: float
    lift: float
    rows_with: int
    rank: int
    stability: float = float("nan")


def explain(model: Boosting, X: Floats) -> Explanation:
    """Exact per-feature contributions (TreeSHAP: Lundberg et al., Nature Machine Intelligence 2020); 0 rows give none.

    Raises:
        NotExplainable: the trees are linear, or give several outputs.
        NotAdditive: a row's contributions miss its margin by more than 1e-9.
    """
    margins = boosting.margins(model, X)
    trees = tree_shap.prepare(boosting.to_text(model))
    contributions = tree_shap.contributions(trees, X)
    return require_additive(Explanation(margins, model.initial_margin + trees.base, contributions))


def require_additive(explanation: Explanation) -> Explanation:
    """Give the explanation back when it adds up.

    Raises:
        NotAdditive: names the first row and the gap.
    """
    gaps = np.abs(explanation.base + explanation.contributions.sum(axis=1) - explanation.margins)
    wrong = np.flatnonzero(~(gaps <= TOLERANCE))
    if len(wrong):
        raise NotAdditive(f"row {wrong[0]}: base and contributions miss the margin by {gaps[wrong[0]]:.3g}")
    return explanation


def signals_of(encoding: Encoding) -> list[str]:
    """The signals behind the features, each once, by name."""
    return sorted({feature.signal for feature in encoding})


def by_signal(contributions: Floats, encoding: Encoding) -> Floats:
    """Contributions summed from features (rows, features) to signals (rows, signals), ordered as `signals_of`."""
    total = np.zeros((len(contributions), len(signals_of(encoding))))
    for k, columns in enumerate(_columns_by_signal(encoding)):
        total[:, k] = contributions[:, columns].sum(axis=1)
    return total


def signal_weights(explanation: Explanation, dataset: Dataset, factor: float) -> tuple[SignalWeight, ...]:
    """What the model learned about each signal, strongest first; `dataset` holds the rows that were explained."""
    totals = by_signal(explanation.contributions, dataset.encoding)
    weights = np.abs(totals).mean(axis=0)
    whole = float(weights.sum())
    names = signals_of(dataset.encoding)
    order = sorted(range(len(names)), key=lambda k: (-weights[k], names[k]))
    return tuple(
        _weigh(names[k], float(weights[k]), whole, totals[:, k], dataset, factor, rank)
        for rank, k in enumerate(order, start=1)
    )


def with_stability(
    weights: tuple[SignalWeight, ...], earlier: Sequence[tuple[SignalWeight, ...]]
) -> tuple[SignalWeight, ...]:
    """The weights, with how many of the earlier models agree on each direction."""
    directions = [{weight.signal: weight.direction for weight in model} for model in earlier]
    return tuple(
        replace(weight, stability=float(np.mean([of[weight.signal] == weight.direction for of in directions])))
        if directions and weight.direction
        else weight
        for weight in weights
    )


def rank_agreement(weights: tuple[SignalWeight, ...], earlier: Sequence[tuple[SignalWeight, ...]]) -> float:
    """Mean rank correlation (Spearman) of all signals' weights with those in each earlier model; NaN without any."""
    names = [weight.signal for weight in weights]
    ranks = _ranks(np.array([weight.learned_weight for weight in weights]))
    found: list[float] = []
    for model in earlier:
        by_name = {weight.signal: weight.learned_weight for weight in model}
        other = _ranks(np.array([by_name[name] for name in names]))
        if ranks.std() > 0 and other.std() > 0:
            found.append(float(np.corrcoef(ranks, other)[0, 1]))
    return float(np.mean(found)) if found else float("nan")


def _weigh(
    signal: str, weight: float, whole: float, contribution: Floats, dataset: Dataset, factor: float, rank: int
) -> SignalWeight:
    value = main_value(dataset, signal)
    has = having(value) if value is not None else np.zeros(len(contribution), dtype=np.bool_)
    return SignalWeight(
        signal=signal,
        learned_weight=weight,
        share=weight / whole if whole > 0 else 0.0,
        direction=association(value, contribution) if value is not None and weight > 0 else 0,
        points=factor * weight,
        lift=float(dataset.labels[has].mean() / dataset.labels.mean()) if has.any() else float("nan"),
        rows_with=int(has.sum()),
        rank=rank,
    )


def main_value(dataset: Dataset, signal: str) -> Floats | None:
    """The column that speaks for a signal: its count, else its first numeric column; None for a category."""
    columns = [j for j, feature in enumerate(dataset.encoding) if feature.signal == signal and not feature.category]
    if not columns:
        return None
    order = {measure: i for i, measure in enumerate(MAIN_MEASURES)}
    chosen = min(columns, key=lambda j: order.get(dataset.encoding[j].measure, len(order)))
    return dataset.X[:, chosen]


def having(value: Floats) -> Bools:
    """Who has a signal: a count above 0; where most are above 0, a value above the median."""
    known = value[~np.isnan(value)]
    threshold = max(0.0, float(np.median(known))) if len(known) else 0.0
    return np.nan_to_num(value, nan=-np.inf) > threshold


def association(value: Floats, contribution: Floats) -> int:
    """Sign of the rank correlation between value and contribution over the rows that have a value."""
    known = ~np.isnan(value)
    if not known.any():
        return 0
    ranks, gains = _ranks(value[known]), _ranks(contribution[known])
    covariance = float(((ranks - ranks.mean()) * (gains - gains.mean())).mean())
    return int(np.sign(covariance)) if abs(covariance) > TOLERANCE else 0


def _ranks(values: Floats) -> Floats:
    """Mean ranks: ties share theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def _columns_by_signal(encoding: Encoding) -> list[Integers]:
    return [
        np.array([j for j, feature in enumerate(encoding) if feature.signal == signal], dtype=np.int64)
        for signal in signals_of(encoding)
    ]
