"""Metrics and attribution against plain readings of design section 3 that share nothing with the SQL."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from attribution_oracle import attribute, resolve

pytestmark = pytest.mark.slow

WINDOWS = (1, 7, 14, 28, 90)
COLUMNS = (
    *(f"{kind}_{window}d" for kind in ("events", "active_days", "people", "amount") for window in WINDOWS),
    "decayed_count", "momentum", "acceleration", "people_share_28d", "people_share_90d",
    "days_since_first", "days_since_last",
)  # fmt: skip
LOOKBACK_DAYS = 365
HALF_LIFE_DAYS = 30  # of a signal that names none
TOLERANCE = dict.fromkeys(COLUMNS, 0) | dict.fromkeys(
    (*(f"amount_{window}d" for window in WINDOWS), "decayed_count"), 1e-6
) | dict.fromkeys(("momentum", "acceleration", "people_share_28d", "people_share_90d"), 1e-12)  # fmt: skip
EDGES = {age for window in WINDOWS for age in (window, window + 1)} | {LOOKBACK_DAYS, LOOKBACK_DAYS + 1}

Read = Callable[[Path, str], list[tuple]]
Fact = tuple[str | None, datetime, datetime, float | None]  # person, occurred, available, amount


def people_of(facts: list[Fact], as_of: date) -> dict[int, int]:
    """How many people of an account did anything, from its facts of all signals, in the last 28 and 90 days."""
    midnight = datetime(as_of.year, as_of.month, as_of.day)  # noqa: DTZ001
    known = [(person, moment) for person, moment, available, _ in facts if person is not None and available < midnight]
    return {
        window: len({person for person, moment in known if midnight - timedelta(days=window) <= moment < midnight})
        for window in (28, 90)
    }


def metrics_of(
    facts: list[Fact], as_of: date, cap: int | None, half_life: float, people: Mapping[int, int]
) -> dict[str, float | None] | None:
    """One row of account_signal_metrics from the events of one account and signal; None where there is no row."""
    midnight = datetime(as_of.year, as_of.month, as_of.day)  # noqa: DTZ001 - the warehouse keeps UTC without a zone
    known = [fact for fact in facts if fact[1] < midnight and fact[2] < midnight]
    recent = [fact for fact in known if fact[1] >= midnight - timedelta(days=LOOKBACK_DAYS)]
    if not recent:
        return None
    counted = {
        person_day: min(count, cap or count)
        for person_day, count in Counter((person, moment.date()) for person, moment, _, _ in recent).items()
    }
    row: dict[str, float | None] = {}

    def events(first_age: int, last_age: int) -> int:
        return sum(count for (_, day), count in counted.items() if first_age <= (as_of - day).days <= last_age)

    for window in WINDOWS:
        since = midnight - timedelta(days=window)
        inside = [fact for fact in recent if fact[1] >= since]
        row[f"events_{window}d"] = events(1, window)
        row[f"active_days_{window}d"] = len({moment.date() for _, moment, _, _ in inside})
        row[f"people_{window}d"] = len({person for person, *_ in inside if person is not None})
        row[f"amount_{window}d"] = math.fsum(amount or 0.0 for *_, amount in inside)
        if window in people:
            row[f"people_share_{window}d"] = row[f"people_{window}d"] / people[window] if people[window] else None
    row["decayed_count"] = math.fsum(
        count * 0.5 ** ((as_of - day).days / half_life) for (_, day), count in counted.items()
    )
    row["momentum"] = math.log(1 + events(1, 7)) - math.log(1 + events(8, 28) / 3)
    row["acceleration"] = row["momentum"] - (math.log(1 + events(8, 14)) - math.log(1 + events(15, 35) / 3))
    row["days_since_first"] = (as_of - min(moment for _, moment, _, _ in known).date()).days
    row["days_since_last"] = (as_of - max(moment for _, moment, _, _ in recent).date()).days
    return row


def is_same(column: str, found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=0, abs_tol=TOLERANCE[column])


def test_every_metric_is_what_its_events_say(
    full_build: Path, read_rows: Read, record_property: Callable[[str, object], None]
) -> None:
    signals = {
        signal: (cap, half_life or HALF_LIFE_DAYS)
        for signal, cap, half_life in read_rows(
            full_build, "select signal, daily_cap, half_life_days from config.signals"
        )
    }
    facts: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    of_account: dict[str, list[Fact]] = defaultdict(list)
    for account, signal, *fact in read_rows(
        full_build, "select account_id, signal, person_id, occurred_at, available_at, amount from activity.signals"
    ):
        facts[account, signal].append(tuple(fact))
        of_account[account].append(tuple(fact))
    dates = [row[0] for row in read_rows(full_build, "select as_of_date from features.as_of_dates order by 1")]
    built = {
        tuple(row[:3]): row[3:]
        for row in read_rows(
            full_build,
            f"select account_id, signal, as_of_date, {', '.join(COLUMNS)} from features.account_signal_metrics "
            "where signal in (select signal from config.signals where measured_from = 'events')",
        )
    }
    people = {(account, as_of): people_of(known, as_of) for account, known in of_account.items() for as_of in dates}
    wrong: list[str] = []
    rows = edge_rows = 0
    for (account, signal), of_signal in facts.items():
        cap, half_life = signals[signal]
        for as_of in dates:
            expected = metrics_of(of_signal, as_of, cap, half_life, people[account, as_of])
            found = built.pop((account, signal, as_of), None)
            if expected is None or found is None:
                if expected is not None or found is not None:
                    wrong.append(f"{account} {signal} {as_of}: expected {expected}, found {found}")
                continue
            rows += 1
            edge_rows += any((as_of - occurred.date()).days in EDGES for _, occurred, _, _ in of_signal)
            wrong += [
                f"{account} {signal} {as_of}: {column} is {value}, its events say {expected[column]}"
                for column, value in zip(COLUMNS, found, strict=True)
                if not is_same(column, value, expected[column])
            ]
    wrong += [f"{key}: a row of no event" for key in built]
    print(f"{rows:,} rows of account_signal_metrics, {edge_rows:,} with an event at the edge of a window")
    record_property("rows_compared", rows)
    assert edge_rows > 300
    assert not wrong, f"{len(wrong)} cells\n" + "\n".join(wrong[:20])


def test_every_event_reaches_its_accounts_when_the_links_say(
    full_build: Path, read_rows: Read, record_property: Callable[[str, object], None]
) -> None:
    identity = resolve(
        dict(read_rows(full_build, "select node, first_seen_at from identity.identifiers where not is_blocked")),
        read_rows(full_build, "select left_node, right_node, available_at, known_until from identity.identity_edges"),
        read_rows(
            full_build,
            "select node, priority, organisation_node, available_at from identity.membership_evidence "
            "inner join config.membership_rules using (rule)",
        ),
        read_rows(full_build, "select node, cut_from, cut_until from identity.identifier_cuts"),
        dict(read_rows(full_build, "select node, first_seen_at from identity.organisation_identifiers")),
        read_rows(full_build, "select left_node, right_node, available_at from identity.organisation_edges"),
    )
    expected = {
        (event, signal, account, person is not None, since)
        for event, signal, node, organisation, moment in read_rows(
            full_build, "select event_id, signal, node, organisation_node, available_at from activity.signal_events"
        )
        for account, person, since in attribute(identity, node, organisation, moment)
    }
    rows = read_rows(
        full_build, "select event_id, signal, account_id, person_id is not null, available_at from activity.signals"
    )
    missing, invented = expected - set(rows), set(rows) - expected
    individuals = sum(account.startswith("ind_") for _, _, account, _, _ in expected)
    print(f"{len(expected):,} attributions, {individuals:,} of them to individuals")
    record_property("attributions_compared", len(expected))
    assert len(rows) == len(set(rows)), "an event counts twice for one account"
    assert individuals > 100
    assert not missing, (
        f"{len(missing)} missing, e.g. {sorted(missing, key=str)[:5]}; invented {sorted(invented, key=str)[:5]}"
    )
    assert not invented, f"{len(invented)} invented, e.g. {sorted(invented, key=str)[:5]}"
