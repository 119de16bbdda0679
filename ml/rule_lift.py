"""What outcomes say of each rule: who gets its points, how often they bought, and what a model learned of its signal.

A rule is compared with the rows on which no rule of its group and metric holds: the steps of a ladder each against its
foot. Rows of one account tell one story, so the interval of the lift is Katz's (1978), on the log of the ratio of the
two rates, with accounts for counts and half an account added to each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml import arrow
from ml.arrow import Bools, Floats, Schema, Table
from ml.dataset import Dataset
from ml.evaluate import account_numbers
from ml.intervals import Z_95
from ml.rules import Rule, holds

LEAST_WON = 5  # accounts; with fewer nothing is said of any rule

RULE_LIFT: Schema = {
    "rule_group": "text",
    "signal": "text",
    "metric": "text",
    "at_least": "float",
    "below": "float",
    "one_of": "text",
    "points": "float",
    "rows_with": "integer",
    "rows_without": "integer",
    "accounts_with": "integer",
    "accounts_without": "integer",
    "won_accounts_with": "integer",
    "won_accounts_without": "integer",
    "rate_with": "float",
    "rate_without": "float",
    "lift": "float",
    "lift_low": "float",
    "lift_high": "float",
    "learned_points": "float",
    "verdict": "text",
}


@dataclass(frozen=True)
class Learned:
    """What a model says of the same rows as those that are counted, in points of the score, by signal."""

    signals: tuple[str, ...]
    points: Floats


@dataclass(frozen=True)
class Counted:
    """One side of a comparison: rows, accounts, won accounts, and the share of the rows that were won."""

    rows: int
    accounts: int
    won_accounts: int
    rate: float


def rule_lift(rules: Sequence[Rule], known: Dataset, learned: Learned | None) -> Table:
    """`RULE_LIFT`, one row per rule, in the order of the rules.

    Args:
        rules: the rules in use.
        known: rows whose outcome is known, in the encoding of the rules.
        learned: of exactly these rows; None where the rules themselves score.
    """
    found = [holds(rule, known.encoding, known.X) for rule in rules]
    return arrow.build_rows(RULE_LIFT, [_row(i, rules, found, known, learned) for i in range(len(rules))])


def lift_interval(having: Counted, others: Counted) -> tuple[float, float, float]:
    """The ratio of two rates with its 95 % interval; NaN where there is no rate to divide by, or no row."""
    if not having.rows or not others.rows or not others.rate:
        return float("nan"), float("nan"), float("nan")
    lift = having.rate / others.rate
    variance = sum(1 / (one.won_accounts + 0.5) - 1 / (one.accounts + 0.5) for one in (having, others))
    middle = np.log(max(having.rate, 0.5 / (having.rows + 0.5))) - np.log(others.rate)
    spread = Z_95 * float(np.sqrt(max(variance, 0.0)))
    return lift, min(lift, float(np.exp(middle - spread))), float(np.exp(middle + spread))


def _row(
    i: int, rules: Sequence[Rule], found: Sequence[Bools], known: Dataset, learned: Learned | None
) -> dict[str, object]:
    rule, having = rules[i], found[i]
    ladder = [found[j] for j, other in enumerate(rules) if (other.group, other.column) == (rule.group, rule.column)]
    without = ~np.logical_or.reduce(ladder)
    with_it, others = _count(known, having), _count(known, without)
    lift, low, high = lift_interval(with_it, others)
    return {
        "rule_group": rule.group,
        "signal": rule.signal,
        "metric": rule.metric,
        "at_least": rule.at_least,
        "below": rule.below,
        "one_of": "|".join(rule.one_of) or None,
        "points": rule.points,
        "rows_with": with_it.rows,
        "rows_without": others.rows,
        "accounts_with": with_it.accounts,
        "accounts_without": others.accounts,
        "won_accounts_with": with_it.won_accounts,
        "won_accounts_without": others.won_accounts,
        "rate_with": with_it.rate,
        "rate_without": others.rate,
        "lift": lift,
        "lift_low": low,
        "lift_high": high,
        "learned_points": _learned_points(rule, having, without, learned),
        "verdict": _verdict(rule, with_it, others, low, high),
    }


def _count(known: Dataset, rows: Bools) -> Counted:
    labels, accounts = known.labels[rows], account_numbers(known.account_ids)[rows]
    return Counted(
        rows=int(rows.sum()),
        accounts=len(np.unique(accounts)),
        won_accounts=len(np.unique(accounts[labels == 1])),
        rate=float(labels.mean()) if len(labels) else float("nan"),
    )


def _learned_points(rule: Rule, having: Bools, without: Bools, learned: Learned | None) -> float:
    """How many points more the model gives for the rule's signal where the rule holds; NaN where it does not use it."""
    if learned is None or rule.signal not in learned.signals or not having.any() or not without.any():
        return float("nan")
    points = learned.points[:, learned.signals.index(rule.signal)]
    return float(points[having].mean() - points[without].mean())


def _verdict(rule: Rule, having: Counted, others: Counted, low: float, high: float) -> str:
    if having.won_accounts + others.won_accounts < LEAST_WON or np.isnan(low) or not rule.points:
        return "too little to say"
    if low > 1:
        return "borne out" if rule.points > 0 else "contradicted"
    if high < 1:
        return "contradicted" if rule.points > 0 else "borne out"
    return "not sure"
