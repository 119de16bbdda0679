"""Whether a challenger takes the champion's place: a paired bootstrap over accounts on rows that neither trained on.

Average precision decides, not log-loss: what is used of a score is whom it puts first, the rules have no probability to
take the log of, and a base rate that drifted between two trainings moves the log-loss of both and the order of neither.
Probabilities are guarded apart: a challenger whose calibration does not hold on the same rows is not promoted.
"""

from dataclasses import dataclass

import numpy as np

from ml.arrow import Floats, Texts
from ml.evaluate import (
    account_draws,
    account_numbers,
    average_precision,
    calibration_error,
    weighted_average_precision,
)

# The lower end of a two-sided 95 % interval: of models that are equally good at most 2.5 % look better by chance.
TAIL = 0.025
SEED = 11
WON_TO_JUDGE = 10  # accounts; with fewer, one lucky account decides the average precision of a resample
CALIBRATION_TOLERANCE = 0.02  # an error that nobody who reads a percentage acts on
CALIBRATION_LEVEL = 0.95  # of what a perfectly calibrated model would show on as many accounts


@dataclass(frozen=True)
class Verdict:
    """What the comparison found; the figures are NaN where there was too little to compare by."""

    promoted: bool
    reason: str
    rows: int
    won_accounts: int
    champion_precision: float = float("nan")
    challenger_precision: float = float("nan")
    gain_low: float = float("nan")
    gain_high: float = float("nan")
    calibration_error: float = float("nan")
    calibration_limit: float = float("nan")


@dataclass(frozen=True)
class Scored:
    """A model's margins, and its probabilities (all NaN where it has none), for the rows it is judged by."""

    margins: Floats
    probabilities: Floats


def compare(champion: Scored, challenger: Scored, labels: Floats, accounts: Texts) -> Verdict:
    """Judge a challenger.

    Args:
        champion: on rows that it was not trained on, nor on any label window that reaches into theirs.
        challenger: on the same rows, under the same condition.
        labels: 0 or 1 for each row.
        accounts: whose row it is; all rows of an account are drawn together.

    Returns:
        Promoted where the lower end of the gain's 95 % interval is above zero and the calibration holds; and why, in
        words that a person can act on.
    """
    won = len(set(accounts[labels == 1]))
    if won < WON_TO_JUDGE or len(set(accounts[labels == 0])) < WON_TO_JUDGE:
        reason = f"{won} won accounts to compare by, and {WON_TO_JUDGE} are needed, as many not won"
        return Verdict(False, f"{reason}: the champion stays", len(labels), won)
    before, after = (average_precision(scored.margins, labels) for scored in (champion, challenger))
    low, high = gain_interval(champion.margins, challenger.margins, labels, accounts)
    error, limit = _calibration(champion, challenger, labels, accounts)
    better, calibrated = low > 0, not error > limit
    return Verdict(
        promoted=better and calibrated,
        reason="; ".join([_gain_in_words(before, after, low, high), *_calibration_in_words(error, limit)])
        + (": promoted" if better and calibrated else ": the champion stays"),
        rows=len(labels),
        won_accounts=won,
        champion_precision=before,
        challenger_precision=after,
        gain_low=low,
        gain_high=high,
        calibration_error=error,
        calibration_limit=limit,
    )


def gain_interval(before: Floats, after: Floats, labels: Floats, accounts: Texts) -> tuple[float, float]:
    """95 % percentile interval of the gain in average precision, both models on the same drawn accounts."""
    gains = [
        weighted_average_precision(after, labels, weights) - weighted_average_precision(before, labels, weights)
        for weights in account_draws(accounts, SEED)
    ]
    known = np.concatenate(gains)
    known = known[~np.isnan(known)]
    return float(np.quantile(known, TAIL)), float(np.quantile(known, 1 - TAIL))


def calibration_by_chance(probabilities: Floats, accounts: Texts) -> float:
    """The calibration error that these probabilities, were they exactly right, stay under in 95 of 100 samples.

    The rows of an account win or lose together (one draw an account), as overlapping label windows make them do: this
    asks less of a model than independent rows would.
    """
    account_of_row = account_numbers(accounts)
    random = np.random.default_rng(SEED)
    drawn = random.random((200, int(account_of_row.max()) + 1))
    errors = [calibration_error(probabilities, (u[account_of_row] < probabilities).astype(np.float64)) for u in drawn]
    return float(np.quantile(errors, CALIBRATION_LEVEL))


def _calibration(champion: Scored, challenger: Scored, labels: Floats, accounts: Texts) -> tuple[float, float]:
    """The challenger's error and what it may be: chance, a tolerance, or the champion's own, whichever is most.

    Where the champion is worse calibrated still, keeping it would keep the worse probabilities.
    """
    if np.isnan(challenger.probabilities).all():
        return float("nan"), float("nan")
    limit = max(CALIBRATION_TOLERANCE, calibration_by_chance(challenger.probabilities, accounts))
    if not np.isnan(champion.probabilities).all():
        limit = max(limit, calibration_error(champion.probabilities, labels))
    return calibration_error(challenger.probabilities, labels), limit


def _gain_in_words(before: float, after: float, low: float, high: float) -> str:
    return f"average precision {after:.4f} against {before:.4f} (gain {low:+.4f} to {high:+.4f})"


def _calibration_in_words(error: float, limit: float) -> list[str]:
    if np.isnan(error):
        return ["it gives no probabilities"]
    return [f"calibration error {error:.4f}, {'above' if error > limit else 'within'} {limit:.4f}"]
