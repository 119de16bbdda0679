"""What would raise an account's score most: more of one signal, by the model's own numbers.

For each actionable signal, its features are set to those of the typical won account that used it: the median over the
won rows of the reference that have some of it, or over all such rows where fewer than five were won. Everything else
stays as it is, although breadth and team would grow too. Nobody is told to do less: a signal that the account has as
much of already is passed over, so is a milestone that it has reached, and one whose increase the model does not reward.
The gain is what the model would say of such an account, not what doing it would cause.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml import arrow
from ml.arrow import Bools, Floats, Integers, Schema, Table
from ml.calibrate import apply_calibration
from ml.dataset import Dataset, Encoding
from ml.register import Model
from ml.scale import to_score
from ml.score import margins

MOST = 3  # of an account
LEAST_WON = 5  # won rows to call something typical of them
LEAST_GAIN = 1e-9  # of the margin; less is rounding

# How much of a signal an account has: the first of these that the model reads.
AMOUNTS = ("events_28d", "decayed_count", "events_90d", "active_days_90d", "events_7d")
EVER = "days_since_last"  # missing where it never happened

NEXT_ACTIONS: Schema = {
    "run_id": "text",
    "account_id": "text",
    "signal": "text",
    "rank": "integer",
    "points": "float",
    "score_then": "integer",
    "probability_then": "float",
}


@dataclass(frozen=True)
class Typical:
    """The columns of one signal, which of them says how much, and what each is for the accounts to be like."""

    signal: str
    columns: Integers
    amount: int
    ever: int | None
    values: Floats

    @property
    def usual(self) -> float:
        """How much of the signal such an account has."""
        return float(self.values[self.columns == self.amount][0])


def next_actions(
    model: Model,
    today: Dataset,
    reference: Dataset,
    actionable: Sequence[str],
    run_id: str,
    milestones: Collection[str] = (),
) -> Table:
    """`NEXT_ACTIONS`: for each account its three best at the most, the best first.

    Args:
        model: that scores these accounts.
        today: the accounts, in the model's encoding.
        reference: rows with a known outcome, in the same encoding.
        actionable: signals that somebody can bring about.
        run_id: written into every row.
        milestones: those of them that an account brings about once.
    """
    known = [found for signal in sorted(actionable) if (found := typical(reference, signal)) is not None]
    now = margins(model, today)
    gains = np.full((len(known), len(now)), -np.inf)
    for at, one in enumerate(known):
        less = np.flatnonzero(_has_less(today, one, is_milestone=one.signal in milestones))
        gains[at, less] = margins(model, _with_typical(today.rows(less), one)) - now[less]
    order = np.argsort(-gains, axis=0, kind="stable")[:MOST]
    account, place = np.nonzero(np.take_along_axis(gains, order, axis=0).T > LEAST_GAIN)
    chosen = order[place, account]
    gained = gains[chosen, account]
    return arrow.build(
        NEXT_ACTIONS,
        {
            "run_id": [run_id] * len(account),
            "account_id": today.account_ids[account],
            "signal": np.array([one.signal for one in known], dtype=np.object_)[chosen],
            "rank": place + 1,
            "points": model.scale.factor * gained,
            "score_then": to_score(model.scale, now[account] + gained),
            "probability_then": _probability(model, now[account] + gained),
        },
    )


def typical(reference: Dataset, signal: str) -> Typical | None:
    """What is typical of who used a signal; None where the model does not read how much, or nobody used it."""
    encoding = reference.encoding
    amount = next((at for measure in AMOUNTS if (at := _column(encoding, signal, measure)) is not None), None)
    if amount is None:
        return None
    used = reference.X[:, amount] > 0
    won = used & (reference.labels == 1)
    rows = won if won.sum() >= LEAST_WON else used
    if not rows.any():
        return None
    columns = np.array([j for j, feature in enumerate(encoding) if feature.signal == signal], dtype=np.int64)
    values = np.median(reference.X[rows][:, columns], axis=0)
    return Typical(signal, columns, amount, _column(encoding, signal, EVER), values)


def _has_less(today: Dataset, one: Typical, *, is_milestone: bool) -> Bools:
    less = ~(today.X[:, one.amount] >= one.usual)
    if is_milestone and one.ever is not None:
        less &= np.isnan(today.X[:, one.ever])
    return less


def _with_typical(accounts: Dataset, one: Typical) -> Dataset:
    X = accounts.X.copy()
    X[:, one.columns] = one.values
    return replace(accounts, X=X)


def _probability(model: Model, found: Floats) -> Floats:
    if model.calibration is None:
        return np.full(len(found), np.nan)
    return apply_calibration(model.calibration, found).probability


def _column(encoding: Encoding, signal: str, measure: str) -> int | None:
    return next((j for j, one in enumerate(encoding) if (one.signal, one.measure) == (signal, measure)), None)
