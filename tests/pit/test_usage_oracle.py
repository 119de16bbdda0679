"""Metrics of use and sequences of signals against a plain reading of the events that shares nothing with the SQL."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow

Read = Callable[[Path, str], list[tuple]]
Values = dict[str, float | None]


class Signal(NamedTuple):
    """One signal of one event, as `activity.signals` has it."""

    event: str
    signal: str
    person: str | None
    occurred: datetime
    available: datetime
    amount: float | None
    detail: str | None
    workspace: str | None
    device: str | None
    country: str | None
    channel: str | None


class Meaning(NamedTuple):
    """What the configuration says of a signal."""

    cap: int | None
    polarity: int
    use_in_model: bool
    roles: frozenset[str]


def age(as_of: date, fact: Signal) -> int:
    return (as_of - fact.occurred.date()).days


def sessions_of(facts: Iterable[Signal]) -> int:
    """Runs of half hours in a row, person by person and day by day."""
    half_hours = {(f.person, f.occurred.date(), f.occurred.hour * 2 + f.occurred.minute // 30) for f in facts}
    return sum((person, day, half_hour - 1) not in half_hours for person, day, half_hour in half_hours)


def log_ratio(now: float, before: float) -> float:
    return math.log(1 + now) - math.log(1 + before)


def use_of(known: list[Signal], as_of: date, meanings: Mapping[str, Meaning]) -> Values:
    """What account_metrics says of sessions, devices, steadiness and quality."""
    by_event: dict[str, list[Signal]] = defaultdict(list)
    for fact in known:
        by_event[fact.event].append(fact)
    through_api = {
        event
        for event, facts in by_event.items()
        if any("api" in meanings[f.signal].roles or f.channel == "api" for f in facts)
    }
    events = [facts[0] for facts in by_event.values()]
    month = [f for f in events if age(as_of, f) <= 28]
    human = [f for f in month if f.person is not None and f.event not in through_api]
    week = [f for f in human if age(as_of, f) <= 7]
    earlier = [f for f in human if age(as_of, f) > 7]
    own_device = [f for f in events if f.channel != "server" and f.event not in through_api]
    days = {f.occurred.date() for f in events}
    first = min(days)
    inactive = gap = 0
    for back in range(min((as_of - first).days, 90), 0, -1):
        inactive = 0 if as_of - timedelta(days=back) in days else inactive + 1
        gap = max(gap, inactive)
    people = {since: {f.person for f in known if f.person and age(as_of, f) <= since} for since in (28, 90)}
    before = {f.person for f in known if f.person and 28 < age(as_of, f) <= 56}
    workspaces: dict[str, set[str]] = defaultdict(set)
    for fact in month:
        if fact.workspace and fact.person:
            workspaces[fact.workspace].add(fact.person)
    counted = [f for f in known if age(as_of, f) <= 28 and meanings[f.signal].use_in_model]
    capped = sum(
        min(count, meanings[signal].cap or count)
        for (signal, *_), count in Counter((f.signal, f.person, f.occurred.date()) for f in counted).items()
    )
    depth = len(week) / sessions_of(week) if week else None
    depth_before = len(earlier) / sessions_of(earlier) if earlier else None
    return {
        "team__growth": log_ratio(len(people[28]), len(before)),
        "team__most_in_one_workspace_28d": max(map(len, workspaces.values()), default=0),
        "team__workspaces_of_three_28d": sum(len(members) >= 3 for members in workspaces.values()),
        "sessions__count_7d": sessions_of(week),
        "sessions__count_28d": sessions_of(human),
        "sessions__trend": log_ratio(sessions_of(week), sessions_of(earlier) / 3),
        "session_depth__events_28d": len(human) / sessions_of(human) if human else None,
        "session_depth__trend": math.log(depth) - math.log(depth_before) if depth and depth_before else None,
        "devices__count_28d": len({f.device for f in own_device if f.device and age(as_of, f) <= 28}),
        "devices__count_90d": len({f.device for f in own_device if f.device and age(as_of, f) <= 90}),
        "locations__countries_28d": len({f.country for f in own_device if f.country and age(as_of, f) <= 28}),
        "locations__countries_90d": len({f.country for f in own_device if f.country and age(as_of, f) <= 90}),
        "api_use__share_28d": sum(f.event in through_api for f in month) / len(month) if month else None,
        "first_weeks__business_days": sum(day < first + timedelta(days=14) and day.weekday() < 5 for day in days),
        "gaps__longest_90d": gap,
        "low_quality__over_cap_28d": 1 - capped / len(counted) if counted else None,
        "low_quality__little_worth_28d": (
            sum(meanings[f.signal].polarity <= 0 for f in counted) / len(counted) if counted else None
        ),
    }


def collaboration_of(known: list[Signal], as_of: date, meanings: Mapping[str, Meaning]) -> Values:
    """What account_metrics says of roles, from the events of the last 90 days."""

    def facts(role: str, window: int = 90) -> list[Signal]:
        return [f for f in known if age(as_of, f) <= window and role in meanings[f.signal].roles]

    def events(role: str, window: int = 90) -> int:
        counts = Counter((f.signal, f.person, f.occurred.date()) for f in facts(role, window))
        return sum(min(count, meanings[signal].cap or count) for (signal, *_), count in counts.items())

    def people(role: str) -> int:
        return len({f.person for f in facts(role) if f.person})

    def kinds(role: str) -> int:
        details: dict[str, set[str]] = defaultdict(set)
        for fact in facts(role):
            details[fact.signal] |= {fact.detail.lower()} if fact.detail else set()
        return sum(max(len(of_signal), 1) for of_signal in details.values())

    logins = len({f.occurred.date() for f in facts("login", 7)})
    own, template = events("own_automation"), events("template_automation")
    sent, accepted = events("invite_sent"), events("invite_accepted")
    return {
        "logins__days_7d": logins,
        "invites__sent_28d": events("invite_sent", 28),
        "invites__sent_90d": sent,
        "invites__accepted_28d": events("invite_accepted", 28),
        "invites__accepted_90d": accepted,
        "invite_acceptance__share_90d": min(accepted / sent, 1) if sent else None,
        "functions__invited_90d": len({f.detail.lower() for f in facts("invite_sent") if f.detail}),
        "external_shares__events_28d": events("external_share", 28),
        "external_shares__events_90d": events("external_share"),
        "schedules__people_90d": people("schedule"),
        "admin__events_28d": events("admin", 28),
        "admin__people_90d": people("admin"),
        "custom_roles__events_90d": events("custom_role"),
        "exports__events_28d": events("export", 28),
        "exports__events_90d": events("export"),
        "own_automations__count_90d": own,
        "own_automations__share_90d": own / (own + template) if own + template else None,
        "volume__amount_90d": math.fsum(f.amount or 0 for f in facts("volume")),
        "integrations__upstream_90d": kinds("upstream_integration"),
        "integrations__downstream_90d": kinds("downstream_integration"),
        "premium__features_90d": len({f.signal for f in facts("premium")}),
    }


Sequence = tuple[str, str, int]  # first, then, within days


def completions(known: list[Signal], sequences: Mapping[str, Sequence], name: str) -> list[Signal]:
    """The second steps that complete a sequence, each one event, whatever the sequence begins with."""
    first, then, within = sequences[name]
    firsts = completions(known, sequences, first) if first in sequences else [f for f in known if f.signal == first]
    return [
        step
        for step in known
        if step.signal == then
        and any(
            f.occurred < step.occurred and (step.occurred.date() - f.occurred.date()).days <= within for f in firsts
        )
    ]


@pytest.fixture(scope="module")
def accounts(full_build: Path, read_rows: Read) -> dict[str, list[Signal]]:
    found: dict[str, list[Signal]] = defaultdict(list)
    for account, *fact in read_rows(
        full_build,
        "select account_id, event_id, signal, person_id, occurred_at, available_at, amount, detail, workspace, "
        "anonymous_id, country, channel from activity.signals",
    ):
        found[account].append(Signal(*fact))
    return found


@pytest.fixture(scope="module")
def dates(full_build: Path, read_rows: Read) -> list[date]:
    return [row[0] for row in read_rows(full_build, "select as_of_date from features.as_of_dates order by 1")]


def known_before(facts: list[Signal], as_of: date) -> list[Signal]:
    midnight = datetime(as_of.year, as_of.month, as_of.day)  # noqa: DTZ001 - the warehouse keeps UTC without a zone
    return [f for f in facts if f.occurred < midnight and f.available < midnight]


def test_every_metric_of_use_is_what_its_events_say(
    full_build: Path,
    read_rows: Read,
    accounts: dict[str, list[Signal]],
    dates: list[date],
    record_property: Callable[[str, object], None],
) -> None:
    roles: dict[str, set[str]] = defaultdict(set)
    for role, signal in read_rows(full_build, "select role, signal from config.signal_roles"):
        roles[signal].add(role)
    meanings = {
        signal: Meaning(cap, polarity, use_in_model, frozenset(roles[signal]))
        for signal, cap, polarity, use_in_model in read_rows(
            full_build, "select signal, daily_cap, polarity, use_in_model from config.signals"
        )
    }
    some = accounts[next(iter(accounts))]
    columns = [*use_of(some, date(2027, 1, 1), meanings), *collaboration_of(some, date(2027, 1, 1), meanings)]
    built = {
        (account, as_of): values
        for account, as_of, *values in read_rows(
            full_build, f"select account_id, as_of_date, {', '.join(columns)} from features.account_metrics"
        )
    }
    wrong: list[str] = []
    rows = 0
    for account, facts in accounts.items():
        for as_of in dates[1::3]:
            known = known_before(facts, as_of)
            if not known or (account, as_of) not in built:
                continue
            rows += 1
            expected = use_of(known, as_of, meanings) | collaboration_of(known, as_of, meanings)
            for column, found in zip(columns, built[account, as_of], strict=True):
                value = expected[column]
                if (value is None) != (found is None) or (
                    value is not None and not math.isclose(found, value, rel_tol=1e-9, abs_tol=1e-6)
                ):
                    wrong.append(f"{account} {as_of}: {column} is {found}, its events say {value}")
    print(f"{rows:,} rows and {len(columns)} columns of account_metrics")
    record_property("cells_compared", rows * len(columns))
    assert rows > 1_000
    assert not wrong, f"{len(wrong)} cells\n" + "\n".join(wrong[:20])


def test_every_sequence_is_completed_when_its_events_say(
    full_build: Path,
    read_rows: Read,
    accounts: dict[str, list[Signal]],
    dates: list[date],
    record_property: Callable[[str, object], None],
) -> None:
    sequences = {
        name: (first, then, within)
        for name, first, then, within in read_rows(
            full_build, 'select signal, first, "then", within_days from config.sequences'
        )
    }
    built = read_rows(
        full_build,
        "select account_id, person_id, signal, occurred_on, available_on from activity.account_sequence_days",
    )
    completed = 0
    for as_of in dates[1::2]:
        found = {row[:4] for row in built if row[3] < as_of and row[4] < as_of}
        expected = {
            (account, step.person, name, step.occurred.date())
            for account, facts in accounts.items()
            for name in sequences
            for step in completions(known_before(facts, as_of), sequences, name)
        }
        completed += len(expected)
        assert found == expected, (as_of, sorted(found ^ expected, key=str)[:10])
    print(f"{completed:,} completed sequence days over {len(dates[1::2])} dates")
    record_property("sequence_days_compared", completed)
    assert completed > 1_000
