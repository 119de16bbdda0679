"""How sales works the accounts: effort that follows what representatives see, opportunities, and the true probability.

The hazard that an opportunity opens in a week, for a company that is no customer and has none open, is
`sigmoid(margin)`, where

    margin = INTERCEPT + fit + sum over signals of effect * log1p(min(events in the trailing 28 days, CAP))
             + TASK_EFFECT * log1p(sales tasks in the trailing 28 days) + LOST_EFFECT * lost deals so far.

Effort is a confounder: representatives see page views of the pricing page and the company's size, do more tasks on such
accounts, and tasks raise the hazard by themselves.

Customers buy more by another hazard, `sigmoid(EXPANSION_INTERCEPT + sum over EXPANSION_EFFECTS of effect * log1p(...))`
over the same counts: what makes an account buy is not what makes a customer buy more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from demo.period import (
    AS_OF_DAYS,
    CHANGE_DAY,
    DAY,
    DAYS,
    HOUR,
    LENGTH,
    NEVER,
    WEEK,
    WEEKS,
    Booleans,
    Floats,
    Integers,
    spread,
)
from demo.population import Companies, fit
from demo.signals import CAP, INDEX, effects

INTERCEPT: Final = -9.75
TASK_EFFECT: Final = 0.5
LOST_EFFECT: Final = -0.9
TASK_WEEKLY_RATE: Final = 0.02
CLOSE_LAG_DAYS: Final = (7, 35)
WIN_SHARE: Final = (0.35, 0.8)
WIN_CENTRE: Final = -3.2  # margin at which half of the way between the two shares is reached
DELETED_SHARE: Final = 0.025  # won deals that are deleted within ten days: booked by mistake
HORIZON_DAYS: Final = 90
EXPANSION_INTERCEPT: Final = -6.0
EXPANSION_EFFECTS: Final = {
    "limit_reached": 1.1,
    "automation_created": 1.1,
    "role_customized": 0.9,
    "teammate_invited": 0.7,
    "error_shown": -0.8,
}
EXPANSION_WIN_SHARE: Final = 0.6
EXPANSION_AFTER_DAYS: Final = 45  # nobody sells to a customer of yesterday
LOST, WON, DELETED = 0, 1, 2


@dataclass(frozen=True)
class Tasks:
    """Calls, emails and meetings of sales representatives: company and time."""

    company: Integers
    time: Integers


@dataclass(frozen=True)
class Opportunities:
    """Deals of a block, by opening; those that close after the end are still open in the data."""

    company: Integers
    is_expansion: Booleans
    opened: Integers
    closes: Integers
    outcome: Integers  # LOST, WON or DELETED (won first, then deleted)
    deleted_at: Integers  # NEVER when it is not

    def __len__(self) -> int:
        """Return the number of deals."""
        return len(self.company)


@dataclass(frozen=True)
class Probabilities:
    """The true probability per (company, as-of date) among those who can still be won."""

    company: Integers
    day: Integers  # as-of date, in days since the start
    probability: Floats


@dataclass(frozen=True)
class SalesYear:
    """Everything sales did in a block, and what was true about its accounts."""

    tasks: Tasks
    opportunities: Opportunities
    customer_since: Integers  # NEVER for those who never become one
    probabilities: Probabilities
    expansion_probabilities: Probabilities  # of customers, that they buy more


def sell(random: np.random.Generator, companies: Companies, cumulated: Integers) -> SalesYear:
    """Play the sales year of a block.

    Args:
        random: the block's stream for sales.
        companies: the block's companies.
        cumulated: events per (company, signal) before each day, from `behaviour.count_by_day`.

    Returns:
        Tasks, opportunities, customers, and the true probabilities at the as-of dates.
    """
    week_days = np.arange(WEEKS) * 7
    tasks = _draw_tasks(random, companies, cumulated, week_days)
    tasks_before = _count_tasks_by_day(tasks, len(companies))
    weekly = margins(companies, cumulated, tasks_before, week_days)
    weekly_of_customers = expansion_margins(cumulated, week_days)
    opportunities, customer_since = _draw_opportunities(random, companies, weekly, weekly_of_customers)
    monthly = margins(companies, cumulated, tasks_before, AS_OF_DAYS)
    probabilities = _true_probabilities(companies, opportunities, customer_since, monthly)
    monthly_of_customers = expansion_margins(cumulated, AS_OF_DAYS)
    of_customers = _true_expansion_probabilities(opportunities, customer_since, monthly_of_customers)
    return SalesYear(tasks, opportunities, customer_since, probabilities, of_customers)


def _trailing(cumulated: Integers, days: Integers) -> Integers:
    """Count what happened in the 28 days before the start of each of `days`; the last axis is time."""
    return cumulated[..., days] - cumulated[..., np.maximum(days - 28, 0)]


def margins(companies: Companies, cumulated: Integers, tasks_before: Integers, days: Integers) -> Floats:
    """Return the true margin per (company, day), without the effect of lost deals.

    Args:
        companies: the block's companies.
        cumulated: events per (company, signal) before each day.
        tasks_before: sales tasks per company before each day.
        days: days since the start, at whose midnight the state is taken.
    """
    strength = np.where((days >= CHANGE_DAY)[:, None], effects(True), effects(False))
    volume = np.log1p(np.minimum(_trailing(cumulated, days), CAP))
    behaviour = np.einsum("csd,ds->cd", volume, strength)
    effort = TASK_EFFECT * np.log1p(_trailing(tasks_before, days))
    margin = INTERCEPT + fit(companies)[:, None] + behaviour + effort
    margin[companies.is_competitor] = -np.inf
    return margin


def expansion_margins(cumulated: Integers, days: Integers) -> Floats:
    """Return the true margin that a customer opens an expansion deal, per (company, day), as in `margins`."""
    counted = _trailing(cumulated[:, [INDEX[name] for name in EXPANSION_EFFECTS]], days)
    volume = np.log1p(np.minimum(counted, CAP))
    return EXPANSION_INTERCEPT + np.einsum("csd,s->cd", volume, list(EXPANSION_EFFECTS.values()))


def _draw_tasks(random: np.random.Generator, companies: Companies, cumulated: Integers, days: Integers) -> Tasks:
    """Let representatives work the accounts of their territory: more of large ones and of those that look at prices."""
    pricing = np.log1p(_trailing(cumulated[:, INDEX["pricing_viewed"]], days))
    size = np.clip(1 + 0.5 * np.log10(companies.employees / 80), 0.3, 2.5)
    effort = np.linspace(0.6, 1.4, 12)[companies.representative]
    rate = TASK_WEEKLY_RATE * (1 + 4 * pricing) * (size * effort)[:, None]
    rate *= companies.is_covered[:, None] & (days[None, :] * DAY >= companies.started[:, None])
    counts = random.poisson(rate)
    cell = np.repeat(np.arange(counts.size), counts.ravel())
    company, week = np.divmod(cell, WEEKS)
    time = week * WEEK + random.integers(0, 5, len(cell)) * DAY + spread(random, 8 * HOUR, 18 * HOUR, len(cell))
    inside = time < LENGTH - HOUR
    return Tasks(company[inside], time[inside])


def _count_tasks_by_day(tasks: Tasks, companies: int) -> Integers:
    daily = np.bincount(tasks.company * DAYS + tasks.time // DAY, minlength=companies * DAYS).reshape(companies, DAYS)
    before = np.zeros((companies, DAYS + 1), dtype=np.int64)
    np.cumsum(daily, axis=1, out=before[:, 1:])
    return before


def hazard(margin: Floats) -> Floats:
    """Return the chance that an opportunity opens within a week."""
    return 1 / (1 + np.exp(-margin))


def win_share(margin: Floats) -> Floats:
    """Return the chance that an opportunity opened at this margin is won and stays won."""
    low, high = WIN_SHARE
    return (low + (high - low) / (1 + np.exp(-(margin - WIN_CENTRE)))) * (1 - DELETED_SHARE)


def true_probability(margin: Floats) -> Floats:
    """Return the chance of a closed-won deal within 90 days, were the state of the day to last.

    With the weekly hazard h held constant, openings come at the rate r = -ln(1 - h) / 7 a day. A deal closes L days
    after it opened, L uniform on [a, b) = [7, 35), so it must open within 90 - L days:

        P(closed in 90 days) = 1/(b - a) * integral from a to b of (1 - exp(-r (90 - l))) dl
                             = 1 - exp(-90 r) * (exp(r b) - exp(r a)) / (r (b - a)),

    and the true probability is that times `win_share(margin)`. A second deal after a lost one is ignored: it
    makes up below 1 % of the wins within one horizon.
    """
    return np.where(np.isfinite(margin), _closed_within_horizon(margin) * win_share(margin), 0.0)


def true_expansion_probability(margin: Floats) -> Floats:
    """Return the chance of a won expansion deal within 90 days; see `true_probability`."""
    return _closed_within_horizon(margin) * EXPANSION_WIN_SHARE


def _closed_within_horizon(margin: Floats) -> Floats:
    a, b = CLOSE_LAG_DAYS
    rate = np.maximum(-np.log1p(-np.minimum(hazard(margin), 1 - 1e-12)) / 7, 1e-12)
    closed = 1 - np.exp(-HORIZON_DAYS * rate) * (np.exp(rate * b) - np.exp(rate * a)) / (rate * (b - a))
    return np.clip(closed, 0, 1)


def _draw_opportunities(
    random: np.random.Generator, companies: Companies, weekly: Floats, weekly_of_customers: Floats
) -> tuple[Opportunities, Integers]:
    """Open, close, win and lose deals week by week; also expansion deals of customers."""
    count = len(companies)
    busy_until = companies.started.copy()
    customer_since = np.full(count, NEVER, dtype=np.int64)
    lost = np.zeros(count, dtype=np.int64)
    parts: list[tuple[Integers, ...]] = []
    for week in range(WEEKS):
        now = week * WEEK
        margin = weekly[:, week] + LOST_EFFECT * lost
        is_customer = customer_since <= now
        chance = hazard(np.where(is_customer, weekly_of_customers[:, week], margin))
        is_free = (busy_until <= now) & (~is_customer | (customer_since + EXPANSION_AFTER_DAYS * DAY <= now))
        opened = now + spread(random, 0, WEEK, count)
        closes = opened + spread(random, CLOSE_LAG_DAYS[0] * DAY, CLOSE_LAG_DAYS[1] * DAY, count)
        deleted_at = closes + spread(random, DAY, 10 * DAY, count)
        draw = random.random((3, count))
        starts = is_free & (draw[0] < chance) & (opened < LENGTH)
        won_or_deleted = draw[1] < np.where(is_customer, EXPANSION_WIN_SHARE, win_share(margin) / (1 - DELETED_SHARE))
        is_deleted = won_or_deleted & ~is_customer & (draw[2] < DELETED_SHARE) & (deleted_at < LENGTH)
        outcome = np.where(is_deleted, DELETED, np.where(won_or_deleted, WON, LOST))
        ends = np.where(is_deleted, deleted_at, closes)
        busy_until = np.where(starts, ends, busy_until)
        customer_since = np.where(starts & ~is_customer & (outcome == WON), closes, customer_since)
        lost += starts & ~is_customer & (outcome == LOST)
        at = np.flatnonzero(starts)
        deletion = np.where(is_deleted, deleted_at, NEVER)
        parts.append((at, is_customer[at].astype(np.int64), opened[at], closes[at], outcome[at], deletion[at]))
    company, is_expansion, opened, closes, outcome, deleted_at = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    deals = Opportunities(company, is_expansion.astype(np.bool_), opened, closes, outcome, deleted_at)
    return deals, customer_since


def _true_probabilities(
    companies: Companies, deals: Opportunities, customer_since: Integers, monthly: Floats
) -> Probabilities:
    """Evaluate `true_probability` at each as-of date for companies that exist, without open deal, not yet customers."""

    def at(position: int, now: int) -> tuple[Integers, Floats]:
        is_lost = (deals.outcome == LOST) & ~deals.is_expansion & (deals.closes < now)
        lost = np.bincount(deals.company[is_lost], minlength=len(companies))
        is_new = (companies.started < now) & (customer_since >= now)
        eligible = np.flatnonzero(is_new & ~_has_open_deal(deals, now, len(companies)))
        return eligible, true_probability(monthly[:, position] + LOST_EFFECT * lost)[eligible]

    return _at_each_as_of_date(at)


def _true_expansion_probabilities(deals: Opportunities, customer_since: Integers, monthly: Floats) -> Probabilities:
    """Evaluate `true_expansion_probability` at each as-of date for customers who may be sold to, without open deal."""

    def at(position: int, now: int) -> tuple[Integers, Floats]:
        is_ripe = customer_since + EXPANSION_AFTER_DAYS * DAY <= now
        customers = np.flatnonzero(is_ripe & ~_has_open_deal(deals, now, len(customer_since)))
        return customers, true_expansion_probability(monthly[customers, position])

    return _at_each_as_of_date(at)


def _at_each_as_of_date(at: Callable[[int, int], tuple[Integers, Floats]]) -> Probabilities:
    """Put together what `at` gives for the position of a date and its midnight: companies, and their probabilities."""
    parts: list[tuple[Integers, Integers, Floats]] = []
    for position, day in enumerate(AS_OF_DAYS.tolist()):
        companies, probability = at(position, day * DAY)
        parts.append((companies, np.full(len(companies), day), probability))
    return Probabilities(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _has_open_deal(deals: Opportunities, now: int, companies: int) -> Booleans:
    ends = np.where(deals.outcome == DELETED, deals.deleted_at, deals.closes)
    return np.bincount(deals.company[(deals.opened < now) & (ends >= now)], minlength=companies) > 0
