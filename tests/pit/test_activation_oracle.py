"""Activation, intent, cooling, limits and the trial against a plain reading of the facts, apart from the SQL."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow

Read = Callable[[Path, str], list[tuple]]
Values = dict[str, float | str | None]


class Signal(NamedTuple):
    """One signal of one event, as `activity.signals` has it."""

    signal: str
    person: str | None
    occurred: datetime
    available: datetime
    amount: float | None


class Subscription(NamedTuple):
    """One subscription of an account."""

    plan: str
    seats: int | None
    is_paid: bool
    started: datetime
    ended: datetime | None
    available: datetime


@dataclass(frozen=True)
class Configuration:
    """What the configuration says of signals, roles, plans and limits."""

    roles: dict[str, set[str]]  # role -> signals
    caps: dict[str, int | None]
    milestones: set[str]
    usage: dict[str, tuple[str, str | None]]  # limit -> measure, signal
    limits: dict[str, dict[str, float]]  # plan -> limit -> value
    trial_days: int


def midnight_of(as_of: date) -> datetime:
    return datetime(as_of.year, as_of.month, as_of.day)  # noqa: DTZ001 - the warehouse keeps UTC without a zone


def activation_of(known: list[Signal], setup: Configuration) -> Values:
    first: dict[str, datetime] = {}
    for fact in sorted(known, key=lambda fact: fact.occurred):
        first.setdefault(fact.signal, fact.occurred)

    def reached(*roles: str) -> datetime | None:
        return min((first[signal] for role in roles for signal in setup.roles[role] if signal in first), default=None)

    start = reached("sign_up") or min(first.values())

    def hours(moment: datetime | None) -> float | None:
        return None if moment is None else max((moment - start) / timedelta(hours=1), 0.0)

    steps = sorted(first[signal] for signal in setup.milestones - setup.roles["sign_up"] if signal in first)
    set_up = hours(reached("setup"))
    return {
        "set_up__is_within_24h": int(set_up is not None and set_up <= 24),
        "set_up__hours": set_up,
        "first_invite__hours": hours(reached("invite_sent")),
        "first_integration__hours": hours(reached("upstream_integration", "downstream_integration")),
        "production_data__hours": hours(reached("production_data")),
        "aha_moment__hours": hours(reached("aha")),
        "milestones__reached": len(steps),
        "milestones__hours_to_first": hours(steps[0] if steps else None),
        "milestones__hours_to_second": hours(steps[1] if len(steps) > 1 else None),
    }


def behaviour_of(known: list[Signal], bought: list[Subscription], as_of: date, setup: Configuration) -> Values:
    def facts(role: str, window: int) -> list[Signal]:
        since = as_of - timedelta(days=window)
        return [f for f in known if f.signal in setup.roles[role] and f.occurred.date() >= since]

    def events(role: str, window: int) -> int:
        counts = Counter((f.signal, f.person, f.occurred.date()) for f in facts(role, window))
        return sum(min(count, setup.caps[signal] or count) for (signal, *_), count in counts.items())

    def days_since(role: str) -> int | None:
        return min(((as_of - f.occurred.date()).days for f in facts(role, 365)), default=None)

    def last(role: str, window: int) -> datetime | None:
        return max((f.occurred for f in facts(role, window)), default=None)

    begun, completed, failed = last("checkout_begun", 28), last("checkout_completed", 365), last("setup_failed", 90)
    paid = [s.started for s in bought if s.is_paid]
    is_left = (
        begun is not None
        and begun <= midnight_of(as_of) - timedelta(days=1)
        and not (completed and completed >= begun)
        and not any(started >= begun for started in paid)
    )
    set_up = last("setup", 90)
    errors = Counter(f.occurred.date() for f in facts("error", 28))
    return {
        "limit_hits__events_28d": events("limit", 28),
        "pricing_visits__events_28d": events("pricing", 28),
        "pricing_visits__days_since_last": days_since("pricing"),
        "billing_visits__events_28d": events("billing", 28),
        "billing_visits__days_since_last": days_since("billing"),
        "security_visits__events_28d": events("security", 28),
        "security_visits__days_since_last": days_since("security"),
        "checkouts__events_28d": events("checkout_begun", 28),
        "left_checkout__is_open": int(is_left),
        "setup_failures__events_90d": events("setup_failed", 90),
        "unresolved_setup__is_open": int(failed is not None and not (set_up and set_up >= failed)),
        "errors__events_28d": events("error", 28),
        "repeated_errors__days_28d": sum(count >= 3 for count in errors.values()),
        "unsubscribes__events_90d": events("unsubscribe", 90),
    }


def granted_by(running: list[Subscription], setup: Configuration) -> dict[str, float]:
    granted: dict[str, float] = {}
    for subscription in running:
        values = dict(setup.limits.get(subscription.plan, {}))
        if subscription.seats is not None:
            values["seats"] = subscription.seats
        for name, value in values.items():
            granted[name] = max(granted.get(name, 0), value)
    return granted


def limits_of(known: list[Signal], running: list[Subscription], as_of: date, setup: Configuration) -> Values:
    def age(fact: Signal) -> int:
        return (as_of - fact.occurred.date()).days

    utilisation: dict[str, float] = {}
    days: list[float] = []
    for name, limit in granted_by(running, setup).items():
        measure, signal = setup.usage[name]
        mine = [f for f in known if f.signal == signal]
        recent = [f for f in mine if age(f) <= 28]
        if measure == "people_28d":
            used = len({f.person for f in known if f.person and age(f) <= 28})
            grown = used - len({f.person for f in known if f.person and 28 < age(f) <= 56})
        elif measure == "events_28d":
            used = len(recent)
            grown = used - len([f for f in mine if 28 < age(f) <= 56])
        elif measure == "events_ever":
            used, grown = len(mine), len(recent)
        else:
            used, grown = (math.fsum(f.amount or 0 for f in facts) for facts in (mine, recent))
        utilisation[name] = used / limit
        if used >= limit:
            days.append(0)
        elif grown > 0:
            days.append((limit - used) / grown * 28)
    highest = max(utilisation.values(), default=None)
    return {
        "seats__utilisation": utilisation.get("seats"),
        "plan_limits__utilisation": highest,
        "plan_limits__days_left": min(days, default=None),
        "plan_limits__nearest": min((name for name, share in utilisation.items() if share == highest), default=None),
        "plan_limits__is_near": int(highest is not None and highest >= 0.8),
    }


def trial_of(known: list[Signal], running: list[Subscription], as_of: date, setup: Configuration) -> Values:
    if any(subscription.is_paid for subscription in running):
        return {"trial__stage": "paid", "trial__days_left": None}
    signed_up = min((f.occurred for f in known if f.signal in setup.roles["sign_up"]), default=None)
    start = signed_up or min(f.occurred for f in known)
    left = max(setup.trial_days - (as_of - start.date()).days, 0)
    stage = "ended" if left == 0 else "late" if left <= setup.trial_days / 2 else "early"
    return {"trial__stage": stage, "trial__days_left": left}


@pytest.fixture(scope="module")
def setup(full_build: Path, read_rows: Read) -> Configuration:
    roles: dict[str, set[str]] = defaultdict(set)
    for role, signal in read_rows(full_build, "select role, signal from config.signal_roles"):
        roles[role].add(signal)
    limits: dict[str, dict[str, float]] = defaultdict(dict)
    for plan, name, value in read_rows(full_build, "select plan, limit_name, limit_value from config.plan_limits"):
        limits[plan][name] = value
    signals = read_rows(full_build, "select signal, daily_cap, is_milestone from config.signals")
    return Configuration(
        roles=roles,
        caps={signal: cap for signal, cap, _ in signals},
        milestones={signal for signal, _, is_milestone in signals if is_milestone},
        usage={
            name: (measure, signal)
            for name, measure, signal in read_rows(
                full_build, "select limit_name, measure, signal from config.limit_usage"
            )
        },
        limits=limits,
        trial_days=int(read_rows(full_build, "select value from config.settings where setting = 'trial_days'")[0][0]),
    )


def test_every_metric_of_activation_limits_and_intent_is_what_its_facts_say(
    full_build: Path, read_rows: Read, setup: Configuration, record_property: Callable[[str, object], None]
) -> None:
    facts: dict[str, list[Signal]] = defaultdict(list)
    for account, *fact in read_rows(
        full_build, "select account_id, signal, person_id, occurred_at, available_at, amount from activity.signals"
    ):
        facts[account].append(Signal(*fact))
    subscriptions: dict[str, list[Subscription]] = defaultdict(list)
    for account, *subscription in read_rows(
        full_build,
        "select reach.target, plan, seats, amount_monthly > 0, started_at, ended_at, "
        "greatest(started_at, reach.available_at) from billing.subscriptions as subscriptions "
        "inner join identity.organisation_reach as reach on 'workspace:' || subscriptions.workspace_id = reach.node",
    ):
        subscriptions[account].append(Subscription(*subscription))

    def expected(account: str, as_of: date) -> Values | None:
        midnight = midnight_of(as_of)
        known = [f for f in facts[account] if f.occurred < midnight and f.available < midnight]
        bought = [s for s in subscriptions[account] if s.started < midnight and s.available < midnight]
        running = [s for s in bought if s.ended is None or s.ended >= midnight]
        return known and (
            activation_of(known, setup)
            | behaviour_of(known, bought, as_of, setup)
            | limits_of(known, running, as_of, setup)
            | trial_of(known, running, as_of, setup)
        )

    columns = list(expected(next(iter(facts)), date(2027, 1, 1)) or {})
    wrong: list[str] = []
    rows = 0
    for account, as_of, *found in read_rows(
        full_build,
        f"select account_id, as_of_date, {', '.join(columns)} from features.account_metrics "
        "where extract(month from as_of_date) % 3 = 1",
    ):
        values = expected(account, as_of)
        rows += bool(values)
        for column, cell in zip(columns, found, strict=True) if values else ():
            value = values[column]
            is_close = isinstance(value, int | float) and isinstance(cell, int | float) and math.isclose(cell, value)
            if not is_close and cell != value:
                wrong.append(f"{account} {as_of}: {column} is {cell}, its facts say {value}")
    print(f"{rows:,} rows and {len(columns)} columns of account_metrics")
    record_property("cells_compared", rows * len(columns))
    assert rows > 1_000
    assert not wrong, f"{len(wrong)} cells\n" + "\n".join(wrong[:20])
