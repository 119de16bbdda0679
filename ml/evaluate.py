"""How good a ranking or a probability was on later data."""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (SciPy ships no types)

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from scipy.special import ndtri

from ml.arrow import Floats, Integers, Texts

TOP_SHARE = 0.1
BINS = 10
WINS_PER_GROUP = 10  # expected; of a group that expects less than one win, no outcome could ever miss the interval
RESAMPLES, BLOCK = 500, 25
SEED = 7


def ranking_metrics(scores: Floats, labels: Floats) -> dict[str, float]:
    """AUC, average precision and lift in the best 10 %; NaN where only one class is there."""
    return {
        "auc": auc(scores, labels),
        "average_precision": average_precision(scores, labels),
        "lift_at_10_percent": lift_at_top(scores, labels),
    }


def probability_metrics(probability: Floats, labels: Floats) -> dict[str, float]:
    """Brier score, log-loss and calibration error."""
    return {
        "brier": float(((probability - labels) ** 2).mean()),
        "log_loss": log_loss(probability, labels),
        "calibration_error": calibration_error(probability, labels),
    }


def auc(scores: Floats, labels: Floats) -> float:
    """Chance that a won row ranks above a lost one, ties half."""
    return float(_weighted_auc(scores, labels, np.ones((1, len(labels))))[0])


def average_precision(scores: Floats, labels: Floats) -> float:
    """Mean precision at each won row, tied scores taken together (scikit-learn's definition)."""
    if not labels.sum():
        return float("nan")
    won, rows = _cumulated(scores, labels)
    gained = np.diff(won, prepend=0.0)
    return float((won / rows * gained).sum() / won[-1])


def lift_at_top(scores: Floats, labels: Floats, share: float = TOP_SHARE) -> float:
    """Won rate in the top share over the won rate of all; a tie across the border counts in proportion."""
    if not labels.sum():
        return float("nan")
    won, rows = _cumulated(scores, labels)
    size = share * len(labels)
    won_in_top = float(np.interp(size, np.concatenate([[0.0], rows]), np.concatenate([[0.0], won])))
    return won_in_top / size / float(labels.mean())


def log_loss(probability: Floats, labels: Floats) -> float:
    """Mean negative log likelihood; probabilities are kept 1e-12 away from 0 and 1."""
    return float(_losses(probability, labels).mean())


def margin_log_loss(margins: Floats, labels: Floats) -> float:
    """Mean negative log likelihood of log odds."""
    return float((np.logaddexp(0, margins) - labels * margins).mean())


def shifted_to_base_rate(margins: Floats, labels: Floats) -> Floats:
    """Margins plus the constant that makes their mean probability the labels' base rate.

    So a base rate that drifted between slices does not decide between models.
    """
    rate = float(labels.mean())
    low, high, shift = -40.0, 40.0, 0.0
    for _ in range(60):
        probability = sigmoid(margins + shift)
        gap = float(probability.mean()) - rate
        low, high = (low, shift) if gap > 0 else (shift, high)
        slope = float((probability * (1 - probability)).mean())
        step = shift - gap / slope if slope > 0 else np.inf
        # Newton's step where it stays between the bounds, else half way: about 6 rounds instead of 60
        following = step if low < step < high else (low + high) / 2
        if abs(following - shift) < 1e-13:
            break
        shift = float(following)
    return margins + shift


def sigmoid(margins: Floats) -> Floats:
    """Log odds to probability."""
    return np.exp(-np.logaddexp(0, -margins))


def calibration_error(probability: Floats, labels: Floats) -> float:
    """Mean distance between predicted and observed rate over ten groups of equal size, by predicted rate."""
    order = np.argsort(probability, kind="stable")
    groups = [group for group in np.array_split(order, BINS) if len(group)]
    gaps = [abs(float(probability[group].mean() - labels[group].mean())) * len(group) for group in groups]
    return sum(gaps) / len(labels)


def auc_interval(scores: Floats, labels: Floats, accounts: Texts, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap of the AUC that draws accounts, not rows: the rows of one account are not independent."""
    drawn = np.concatenate([_weighted_auc(scores, labels, weights) for weights in account_draws(accounts)])
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    return float(np.quantile(drawn, tail)), float(np.quantile(drawn, 1 - tail))


def auc_error(value: float, won: float, lost: float) -> float:
    """Standard error of an AUC with so many won and lost accounts (Hanley & McNeil 1982)."""
    two_won, two_lost = value / (2 - value), 2 * value**2 / (1 + value)
    spread = value * (1 - value) + (won - 1) * (two_won - value**2) + (lost - 1) * (two_lost - value**2)
    return float(np.sqrt(max(spread, 0.0) / (won * lost)))


def auc_low_by_counts(value: float, won: int, lost: int, deviations: float = 1.96) -> float:
    """The AUC that lies so many of its own standard errors below: a bound that few accounts do not flatter.

    A bootstrap of five won accounts draws from five ranks, and takes their luck for certainty.
    """
    if not won or not lost or np.isnan(value):
        return float("nan")
    low, high = 0.0, value
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if middle + deviations * auc_error(middle, won, lost) < value else (low, middle)
    return low


def resampled(
    metric: Literal["auc", "average_precision"], scores: Floats, labels: Floats, slices: Integers, accounts: Texts
) -> tuple[float, Floats]:
    """A metric over several slices, each weighing in with its won rows; and the same in 500 resamples of the accounts.

    The resamples depend on the accounts alone, so those of two models pair up. NaN where a resample has one class only.
    """
    weigh = _weighted_auc if metric == "auc" else weighted_average_precision
    places = [np.flatnonzero(slices == one) for one in np.unique(slices)]

    def over_slices(weights: Floats) -> Floats:
        total, won = np.zeros(len(weights)), np.zeros(len(weights))
        for rows in places:
            value = weigh(scores[rows], labels[rows], weights[:, rows])
            weight = np.where(np.isnan(value), 0.0, (weights[:, rows] * labels[rows]).sum(axis=1))
            total, won = total + weight * np.nan_to_num(value), won + weight
        return np.divide(total, won, out=np.full(len(weights), np.nan), where=won > 0)

    value = float(over_slices(np.ones((1, len(labels))))[0])
    return value, np.concatenate([over_slices(weights) for weights in account_draws(accounts)])


def resampled_log_loss(probability: Floats, labels: Floats, accounts: Texts) -> Floats:
    """Log-loss in 500 resamples of the accounts; those of two calibrations pair up."""
    loss = _losses(probability, labels)
    return np.concatenate([weights @ loss / weights.sum(axis=1) for weights in account_draws(accounts)])


def interval_coverage(probability: Floats, low: Floats, high: Floats, labels: Floats, level: float) -> float:
    """In how many of the `interval_groups` the observed rate lies where the mean interval puts it.

    The observed rate of a group strays from the true one by chance, so the interval is taken together with that chance:
    half widths add up as squares.
    """
    deviations = float(ndtri((1 + level) / 2))
    inside: list[bool] = []
    for group in interval_groups(probability):
        rate, observed = float(probability[group].mean()), float(labels[group].mean())
        chance = deviations * np.sqrt(rate * (1 - rate) / len(group))
        below = np.hypot(rate - float(low[group].mean()), chance)
        above = np.hypot(float(high[group].mean()) - rate, chance)
        inside.append(bool(rate - below <= observed <= rate + above))
    return float(np.mean(inside)) if inside else float("nan")


def interval_groups(probability: Floats) -> list[Integers]:
    """Like accounts by predicted probability: at most ten groups, ten expected wins in each, one group at least."""
    order = np.argsort(probability, kind="stable")
    expected = np.cumsum(probability[order])
    if not len(order) or expected[-1] <= 0:
        return [order] if len(order) else []
    count = min(BINS, max(1, int(expected[-1] / WINS_PER_GROUP)))
    place = np.minimum((count * expected / expected[-1]).astype(np.int64), count - 1)
    return [order[place == k] for k in range(count) if (place == k).any()]


def newest_first(age_days: Floats) -> Floats:
    """Scores that rank the youngest accounts first and those of unknown age last."""
    return np.where(np.isnan(age_days), -np.inf, -age_days)


def rounded(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """For a manifest: nine digits, and null where a metric is not defined."""
    return {name: None if np.isnan(value) else round(value, 9) for name, value in metrics.items()}


def _losses(probability: Floats, labels: Floats) -> Floats:
    bounded = np.clip(probability, 1e-12, 1 - 1e-12)
    return -(labels * np.log(bounded) + (1 - labels) * np.log1p(-bounded))


def _cumulated(scores: Floats, labels: Floats) -> tuple[Floats, Floats]:
    """Won rows and rows at or above each distinct score, best first."""
    _, group = np.unique(-scores, return_inverse=True)
    won = np.bincount(group, weights=labels).cumsum()
    rows = np.bincount(group).cumsum().astype(np.float64)
    return won, rows


def account_numbers(accounts: Texts) -> Integers:
    """The number of each row's account, from 0 on, in the order of their names."""
    return np.unique(accounts.astype(str), return_inverse=True)[1]


def account_draws(accounts: Texts, seed: int = SEED, resamples: int = RESAMPLES) -> Iterator[Floats]:
    """How often each row counts in each resample: blocks of (resamples, rows), small enough for any slice."""
    account_of_row = account_numbers(accounts)
    count = int(account_of_row.max()) + 1 if len(accounts) else 1
    random = np.random.default_rng(seed)
    for _ in range(resamples // BLOCK):
        draws = [np.bincount(random.integers(0, count, count), minlength=count) for _ in range(BLOCK)]
        yield np.stack(draws)[:, account_of_row].astype(np.float64)


def _weighted_auc(scores: Floats, labels: Floats, weights: Floats) -> Floats:
    """AUC of each row of weights (resamples, rows)."""
    order = np.argsort(scores, kind="stable")
    ascending = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]])) if len(order) else _none()
    if not len(starts):
        return np.full(len(weights), np.nan)
    won = np.add.reduceat(weights[:, order] * labels[order], starts, axis=1)
    lost = np.add.reduceat(weights[:, order] * (1 - labels[order]), starts, axis=1)
    below = np.cumsum(lost, axis=1) - lost
    pairs = won.sum(axis=1) * lost.sum(axis=1)
    above = (won * (below + lost / 2)).sum(axis=1)
    return np.divide(above, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def weighted_average_precision(scores: Floats, labels: Floats, weights: Floats) -> Floats:
    """Average precision of each row of weights (resamples, rows), ties taken together; NaN where nobody won."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], falling[1:] != falling[:-1]])) if len(order) else _none()
    if not len(starts):
        return np.full(len(weights), np.nan)
    won = np.add.reduceat(weights[:, order] * labels[order], starts, axis=1)
    above, rows = np.cumsum(won, axis=1), np.cumsum(np.add.reduceat(weights[:, order], starts, axis=1), axis=1)
    precision = np.divide(above, rows, out=np.zeros_like(rows), where=rows > 0)
    total = above[:, -1]
    return np.divide((precision * won).sum(axis=1), total, out=np.full(len(weights), np.nan), where=total > 0)


def _none() -> Integers:
    return np.zeros(0, dtype=np.int64)
