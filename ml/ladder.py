"""Which rung is served: the simplest that no other beats on later accounts.

Rungs are compared by average precision over all out-of-time slices, each slice weighing in with its won rows, in one
bootstrap over accounts for all of them: a rung replaces a simpler one when it is better in two of three resamples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ml.arrow import Floats, Integers, Texts
from ml.evaluate import auc_low_by_counts, resampled
from ml.fitted import BLEND, GRADIENT_BOOSTING, LEARNED, LOGISTIC, RULES, SCORECARD

# Of the resamples. A rung climbs when it is twice as likely better as not: on 20 tasks the blend was the best or nearly
# so, and where two rungs are alike a false step costs nothing. The rules give up the probability, so they need more.
SURE, CLEAR = 2 / 3, 0.9
TAIL = 0.025

# Won accounts, not rows: the rows of one account tell the same story. A leaf of the trees holds about five of them, and
# a logistic of 20 can be shrunk to almost nothing by its penalty.
NEEDED: Mapping[str, int] = {SCORECARD: 5, LOGISTIC: 20, GRADIENT_BOOSTING: 50, BLEND: 50}
WON_TO_JUDGE = 5


@dataclass(frozen=True)
class OutOfTime:
    """Later rows of all slices, one after the other, and what each model said of them."""

    labels: Floats
    slices: Integers
    account_ids: Texts
    margins: Mapping[str, Floats]  # by model


@dataclass(frozen=True)
class Evidence:
    """What speaks for or against one rung; figures are None where it was not judged.

    `gain` is its average precision less that of the rung that stood before it, `against`; `better_in` the share of
    resamples in which it is above 0.
    """

    rung: str
    step: int
    won_accounts: int
    needed: int
    is_chosen: bool
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    average_precision: float | None
    against: str | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    better_in: float | None
    reason: str


@dataclass(frozen=True)
class Choice:
    """The rung to serve, and why."""

    rung: str
    reason: str | None  # why the rules score; None where a learned rung does
    evidence: tuple[Evidence, ...]


def allowed_rungs(won_accounts: int) -> tuple[str, ...]:
    """The learned rungs that so many won accounts allow, the simplest first."""
    return tuple(rung for rung in LEARNED if won_accounts >= NEEDED[rung])


def choose_rung(judged: OutOfTime, won_accounts: int, left_out: Mapping[str, str]) -> Choice:
    """Climb the ladder as far as later accounts bear it out.

    Args:
        judged: margins of the learned rungs that were trained, and of the rules where their points are known.
        won_accounts: how many there were to learn from.
        left_out: rungs that were pointless to train, with the reason.
    """
    climbed: list[Evidence] = []
    standing: str | None = None
    for rung in (rung for rung in LEARNED if rung in judged.margins):
        found = _compare(judged, rung, standing, won_accounts)
        climbed.append(found)
        if standing is None or (found.better_in or 0.0) >= SURE:
            standing = rung
    if standing is None:
        raise ValueError("no learned rung was judged")
    chosen = next(found for found in climbed if found.rung == standing)
    if chosen.auc is None or chosen.auc_low is None or not chosen.auc_low > 0.5:
        reason = _no_signal(chosen)
        return _choice(
            RULES, reason, [_of_rules(judged, standing, won_accounts, reason), *climbed], won_accounts, left_out
        )
    rules = _of_rules(judged, standing, won_accounts, "points by the rules")
    if (rules.better_in or 0.0) >= CLEAR:
        reason = (
            f"the rules rank later accounts better than {standing} in {rules.better_in:.0%} of the resamples "
            f"(average precision {rules.average_precision:.3f} against {chosen.average_precision:.3f})"
        )
        return _choice(RULES, reason, [rules, *climbed], won_accounts, left_out)
    return _choice(standing, None, [rules, *climbed], won_accounts, left_out)


def without_judgement(won_accounts: int, reason: str) -> tuple[Evidence, ...]:
    """The ladder's rows when nothing could be judged: the rules, for this reason, and nothing else trained."""
    return (
        _blank(RULES, won_accounts, reason, is_chosen=True),
        *(_blank(rung, won_accounts, _not_trained(rung, won_accounts), is_chosen=False) for rung in LEARNED),
    )


def _choice(
    rung: str, reason: str | None, found: Sequence[Evidence], won_accounts: int, left_out: Mapping[str, str]
) -> Choice:
    known = {one.rung: one for one in found}
    rows = [
        known.get(name)
        or _blank(name, won_accounts, left_out.get(name) or _not_trained(name, won_accounts), is_chosen=False)
        for name in (RULES, *LEARNED)
    ]
    return Choice(rung, reason, tuple(replace(one, is_chosen=one.rung == rung) for one in rows))


def _of_rules(judged: OutOfTime, standing: str, won_accounts: int, reason: str) -> Evidence:
    if RULES not in judged.margins:
        return _blank(RULES, won_accounts, reason, is_chosen=False)
    return replace(_compare(judged, RULES, standing, won_accounts), reason=reason)


def _compare(judged: OutOfTime, rung: str, standing: str | None, won_accounts: int) -> Evidence:
    auc, auc_draws = _figures(judged, rung, "auc")
    precision, precision_draws = _figures(judged, rung, "average_precision")
    of_known = auc_draws[~np.isnan(auc_draws)]
    low, high = _ends(of_known)
    low = min(low, auc_low_by_counts(auc, *_judged_accounts(judged)))
    if standing is None:
        return Evidence(
            rung, _step(rung), won_accounts, NEEDED.get(rung, 0), False, _known(auc), _known(low), _known(high),
            _known(precision), None, None, None, None, None, "the simplest that the won accounts allow",
        )  # fmt: skip
    before, before_draws = _figures(judged, standing, "average_precision")
    gains = precision_draws - before_draws
    gains = gains[~np.isnan(gains)]
    better = float((gains > 0).mean()) if len(gains) else 0.0
    gain_low, gain_high = _ends(gains)
    verb = "ranks later accounts better than" if better >= SURE else "is not surely better than"
    return Evidence(
        rung, _step(rung), won_accounts, NEEDED.get(rung, 0), False, _known(auc), _known(low), _known(high),
        _known(precision), standing, _known(precision - before), _known(gain_low), _known(gain_high), better,
        f"{verb} {standing}: in {better:.0%} of the resamples, where {SURE:.0%} are asked for",
    )  # fmt: skip


def _figures(judged: OutOfTime, rung: str, metric: Literal["auc", "average_precision"]) -> tuple[float, Floats]:
    return resampled(metric, judged.margins[rung], judged.labels, judged.slices, judged.account_ids)


def _judged_accounts(judged: OutOfTime) -> tuple[int, int]:
    won, lost = (len(set(judged.account_ids[judged.labels == label])) for label in (1, 0))
    return won, lost


def _no_signal(chosen: Evidence) -> str:
    if chosen.auc is None or chosen.auc_low is None:
        return f"no usable signal: nothing later to rank, so nothing is known of {chosen.rung}"
    return (
        f"no usable signal: {chosen.rung} ranks later won accounts above lost ones with an AUC of {chosen.auc:.3f}, "
        f"which may be as low as {chosen.auc_low:.3f}; chance gives 0.5"
    )


def _not_trained(rung: str, won_accounts: int) -> str:
    if won_accounts < NEEDED.get(rung, 0):
        return f"not trained: {won_accounts} won accounts, and {NEEDED[rung]} are needed"
    return "not trained"


def _blank(rung: str, won_accounts: int, reason: str, *, is_chosen: bool) -> Evidence:
    return Evidence(
        rung, _step(rung), won_accounts, NEEDED.get(rung, 0), is_chosen, None, None, None, None, None, None, None, None,
        None, reason,
    )  # fmt: skip


def _step(rung: str) -> int:
    return (RULES, *LEARNED).index(rung)


def _ends(draws: Floats) -> tuple[float, float]:
    if not len(draws):
        return float("nan"), float("nan")
    return float(np.quantile(draws, TAIL)), float(np.quantile(draws, 1 - TAIL))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
