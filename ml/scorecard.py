"""A scorecard that learns from a handful of won accounts: few features, few bins, log odds pulled towards none.

A bin's rate is beta-binomial: (won + strength x base rate) / (accounts + strength). The strength is the one under which
the bins of all features are most likely, one in ten of them telling anything (empirical Bayes: Robbins 1956). Bins side
by side that run against the signal's polarity are pooled. Features are taken by their Bayes factor against "no
difference between the bins" (Kass & Raftery 1995), one per signal, one per five won accounts.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (SciPy ships no types)

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import betaln

from ml.arrow import Floats, Integers, Texts
from ml.dataset import Encoding

WON_PER_LINE, MOST_LINES = 5, 8
STRENGTHS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0)  # of the prior, in won accounts
TELLING = 0.1  # of all features; were it all of them, many that say nothing would shrink the few that do
LEAST_EVIDENCE = 1.0  # log Bayes factor: e to 1 against chance
ZERO_SHARE = 0.2  # a column with so many zeros is a count: zero is a bin


@dataclass(frozen=True)
class Line:
    """One feature's bins: `weights` for missing, up to the first edge, above it, above the second.

    `mean` is the weight's mean over the training rows: an account of mean weight is moved neither way.
    """

    column: int
    edges: tuple[float, ...]
    weights: tuple[float, ...]
    mean: float


@dataclass(frozen=True)
class Bins:
    """A feature's edges and, per bin with missing first, the won and all accounts."""

    edges: tuple[float, ...]
    of_won: Floats
    of_all: Floats


@dataclass(frozen=True)
class Scorecard:
    """A fitted card: log odds of the base rate, and its lines."""

    base: float
    lines: tuple[Line, ...]


def fit(X: Floats, labels: Floats, account_ids: Texts, encoding: Encoding) -> Scorecard:
    """Learn a card from (rows, features) and labels of 0 and 1; both must occur.

    Args:
        X: features, NaN where missing.
        labels: outcomes by row.
        account_ids: rows of one account with one outcome count as one account.
        encoding: what the columns are; signs and signals are read.
    """
    rows = _account_weights(account_ids, labels)
    won = float((rows * labels).sum())
    rate = float(labels.mean())
    # the won and the lost of an account are counted apart; what they are worth keeps the rows' base rate
    lost_worth = won * (1 - rate) / rate / max(float((rows * (1 - labels)).sum()), 1e-9)
    weights = rows * np.where(labels == 1, 1.0, lost_worth)
    candidates = [_bin_counts(X[:, j], labels, weights) for j in range(X.shape[1])]
    strength = _likeliest_strength(candidates, rate)
    base = float(np.log(rate / (1 - rate)))
    drafts: list[tuple[float, Line]] = []
    for j, found in enumerate(candidates):
        bins = _pooled(found, encoding[j].monotone, rate, strength)
        gain = _evidence(bins, rate, strength)
        if gain > LEAST_EVIDENCE:
            drafts.append((gain, _line(j, X[:, j], bins, rate, strength)))
    drafts.sort(key=lambda draft: (-draft[0], draft[1].column))
    most = min(MOST_LINES, max(1, int(won / WON_PER_LINE)))
    return Scorecard(base, tuple(_one_per_signal([line for _, line in drafts], encoding)[:most]))


def contributions(card: Scorecard, X: Floats) -> Floats:
    """(rows, features): what each line adds beyond its mean."""
    found = np.zeros(X.shape)
    for line in card.lines:
        found[:, line.column] = _weights_of(line, X[:, line.column]) - line.mean
    return found


def base_margin(card: Scorecard) -> float:
    """The margin of an account of mean weights."""
    return card.base + sum(line.mean for line in card.lines)


def margins(card: Scorecard, X: Floats) -> Floats:
    """Log odds for each row."""
    return base_margin(card) + contributions(card, X).sum(axis=1)


def to_json(card: Scorecard) -> dict[str, Any]:
    """For the manifest; every number round-trips exactly."""
    return asdict(card)


def from_json(content: dict[str, Any]) -> Scorecard:
    """The card that `to_json` wrote."""
    lines = tuple(
        Line(line["column"], tuple(line["edges"]), tuple(line["weights"]), line["mean"]) for line in content["lines"]
    )
    return Scorecard(content["base"], lines)


def _account_weights(account_ids: Texts, labels: Floats) -> Floats:
    _, account = np.unique(account_ids.astype(str), return_inverse=True)
    _, group, count = np.unique(2 * account + (labels == 1), return_inverse=True, return_counts=True)
    return 1.0 / count[group]


def _bin_counts(values: Floats, labels: Floats, weights: Floats) -> Bins:
    edges = _edges(values[~np.isnan(values)])
    at = _places(values, edges)
    size = len(edges) + 2
    of_won, of_all = np.bincount(at, weights * labels, size), np.bincount(at, weights, size)
    return Bins(edges, of_won.astype(np.float64), of_all.astype(np.float64))


def _edges(known: Floats) -> tuple[float, ...]:
    """Zero and the median above it for counts; two thirds' borders for others; none for a constant."""
    if not len(known) or known.min() == known.max():
        return ()
    if (known == 0).mean() >= ZERO_SHARE and known.min() == 0:
        found = [0.0, float(np.median(known[known > 0]))]
    else:
        found = [float(edge) for edge in np.quantile(known, [1 / 3, 2 / 3])]
    return tuple(sorted({edge for edge in found if edge < known.max()}))


def _places(values: Floats, edges: tuple[float, ...]) -> Integers:
    """0 for missing; otherwise 1 plus how many edges lie below the value."""
    return np.where(np.isnan(values), 0, 1 + np.searchsorted(np.array(edges), values, side="left"))


def _evidence(bins: Bins, rate: float, strength: float) -> float:
    """Log Bayes factor of bins with rates of their own against the base rate for all."""
    a, b = strength, strength * (1 - rate) / rate
    lost = bins.of_all - bins.of_won
    apart = float((betaln(bins.of_won + a, lost + b) - betaln(a, b)).sum())
    return apart - float((bins.of_won * np.log(rate) + lost * np.log1p(-rate)).sum())


def _likeliest_strength(candidates: list[Bins], rate: float) -> float:
    worth = [sum(_log_mixture(_evidence(bins, rate, strength)) for bins in candidates) for strength in STRENGTHS]
    return STRENGTHS[int(np.argmax(worth))]


def _log_mixture(evidence: float) -> float:
    """How likely a feature is when only a share of all features says anything."""
    return float(np.logaddexp(np.log(1 - TELLING), np.log(TELLING) + evidence))


def _pooled(bins: Bins, sign: int, rate: float, strength: float) -> Bins:
    """The bins after neighbours that run against the sign are made one; missing keeps its own."""
    steps = sign * np.diff(_weights(bins, rate, strength)[1:])
    against = np.flatnonzero(steps < 0)
    if not len(against):
        return bins
    first = int(against[0])
    merged = Bins(
        bins.edges[:first] + bins.edges[first + 1 :],
        np.add.reduceat(bins.of_won, [i for i in range(len(bins.of_won)) if i != first + 2]),
        np.add.reduceat(bins.of_all, [i for i in range(len(bins.of_all)) if i != first + 2]),
    )
    return _pooled(merged, sign, rate, strength)


def _weights(bins: Bins, rate: float, strength: float) -> Floats:
    shrunk = (bins.of_won + strength) / (bins.of_all + strength / rate)
    return np.log(shrunk / (1 - shrunk)) - np.log(rate / (1 - rate))


def _line(column: int, values: Floats, bins: Bins, rate: float, strength: float) -> Line:
    weights = _weights(bins, rate, strength)
    mean = float(weights[_places(values, bins.edges)].mean())
    return Line(column, bins.edges, tuple(weights.tolist()), mean)


def _weights_of(line: Line, values: Floats) -> Floats:
    return np.array(line.weights)[_places(values, line.edges)]


def _one_per_signal(lines: list[Line], encoding: Encoding) -> list[Line]:
    taken: dict[str, Line] = {}
    for line in lines:
        taken.setdefault(encoding[line.column].signal, line)
    return list(taken.values())
