"""500 random timelines, from raw Segment rows to every cell of account_signal_metrics, against a plain reading.

It reads by section 3 of the design, and takes the rows as Segment wrote them: the first delivery of each id,
`received - (sent - original)` but never after receipt, the signals that `signal_map` names. Whose they are it finds out
by letting the links arrive one after the other, from the identifiers' ties and the evidence that identity resolution
lists; these have oracles of their own (tests/identity).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from attribution_oracle import Identity, attribute, resolve
from test_metrics_oracle import COLUMNS, HALF_LIFE_DAYS, Fact, Read, is_same, metrics_of, people_of
from timelines import AMOUNTS, TRACKS, Raw, Row, random_worlds, write

pytestmark = pytest.mark.slow

WORLDS = 500
SEED = 4
END = "2026-06-20"


@pytest.fixture(scope="module")
def raw() -> Raw:
    return random_worlds(WORLDS, SEED)


@pytest.fixture(scope="module")
def built(raw: Raw, dbt: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    from warehouse.connection import open_working
    from warehouse.reference_lists import load_reference_lists
    from warehouse.runs import ensure_ledger

    home = tmp_path_factory.mktemp("timelines")
    with open_working(home) as backend:
        load_reference_lists(backend)
        ensure_ledger(backend)
    with duckdb.connect(str(home / "pql.duckdb")) as connection:
        write(connection, raw)
    dbt(
        home, "build", "--quiet", "--exclude-resource-type", "test", "unit_test",
        "--select", "+account_signal_metrics", as_of_date=END,
    )  # fmt: skip
    return home


def test_M1_every_cell_of_500_random_timelines_is_what_the_raw_rows_say(
    raw: Raw, built: Path, read_rows: Read, record_property: Callable[[str, object], None]
) -> None:
    signals = {
        signal: (cap, half_life or HALF_LIFE_DAYS)
        for signal, cap, half_life in read_rows(built, "select signal, daily_cap, half_life_days from config.signals")
    }
    identity = identity_of(built, read_rows)
    facts: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    of_account: dict[str, list[Fact]] = defaultdict(list)
    for signal, node, organisation, occurred, available, amount in events_of(raw):
        for account, person, since in attribute(identity, node, organisation, available):
            facts[account, signal].append((person, occurred, since, amount))
            of_account[account].append((person, occurred, since, amount))
    dates: list[date] = [row[0] for row in read_rows(built, "select as_of_date from features.as_of_dates")]
    people = {(account, as_of): people_of(known, as_of) for account, known in of_account.items() for as_of in dates}
    expected = {
        (account, signal, as_of): row
        for (account, signal), known in facts.items()
        for as_of in dates
        if (row := metrics_of(known, as_of, *signals[signal], people[account, as_of])) is not None
    }
    built_rows = {
        tuple(row[:3]): dict(zip(COLUMNS, row[3:], strict=True))
        for row in read_rows(
            built, f"select account_id, signal, as_of_date, {', '.join(COLUMNS)} from features.account_signal_metrics"
        )
    }
    wrong = [f"{key}: only expected" for key in expected.keys() - built_rows.keys()]
    wrong += [f"{key}: a row of no event" for key in built_rows.keys() - expected.keys()]
    wrong += [
        f"{key}: {column} is {built_rows[key][column]}, its events say {expected[key][column]}"
        for key in expected.keys() & built_rows.keys()
        for column in COLUMNS
        if not is_same(column, built_rows[key][column], expected[key][column])
    ]
    capped = sum(
        row["events_90d"] < sum(1 for fact in facts[account, signal] if 0 < (as_of - fact[1].date()).days <= 90)
        for (account, signal, as_of), row in expected.items()
    )
    print(
        f"{len(expected):,} rows, {len(expected) * len(COLUMNS):,} cells, "
        f"{capped:,} rows under a cap or with later facts"
    )
    record_property("cells_compared", len(expected) * len(COLUMNS))
    assert len(expected) > 10_000
    assert capped > 300
    assert not wrong, f"{len(wrong)} cells\n" + "\n".join(sorted(wrong)[:20])


def test_M1_the_timelines_hold_every_kind_of_trouble(raw: Raw, built: Path, read_rows: Read) -> None:
    print(dict(raw.troubles))
    for trouble in ("late", "duplicate", "skewed clock", "ahead of receipt", "linked later", "people merged"):
        assert raw.troubles[trouble] >= 100, trouble
    assert raw.troubles["organisations merged"] >= 50
    (of_later_link,) = read_rows(
        built,
        "select count(*) from activity.signals inner join activity.signal_events using (event_id, signal) "
        "where signals.available_at > signal_events.available_at",
    )[0]
    assert of_later_link >= 100
    received = [row["received_at"] for row in raw.tables["tracks"]]
    assert received != sorted(received)


def identity_of(home: Path, read_rows: Read) -> Identity:
    return resolve(
        dict(read_rows(home, "select node, first_seen_at from identity.identifiers where not is_blocked")),
        read_rows(home, "select left_node, right_node, available_at, known_until from identity.identity_edges"),
        read_rows(
            home,
            "select node, priority, organisation_node, available_at from identity.membership_evidence "
            "inner join config.membership_rules using (rule)",
        ),
        read_rows(home, "select node, cut_from, cut_until from identity.identifier_cuts"),
        dict(read_rows(home, "select node, first_seen_at from identity.organisation_identifiers")),
        read_rows(home, "select left_node, right_node, available_at from identity.organisation_edges"),
    )


def events_of(raw: Raw) -> Iterator[tuple[str, str | None, str | None, datetime, datetime, float | None]]:
    """(signal, person's node, organisation's node, occurred, available, amount) of each event that is a signal."""
    amounts = {
        row["id"]: row[column]
        for name, column in AMOUNTS.items()
        for row in raw.tables.get(name.lower().replace(" ", "_"), [])
    }
    for row in first_deliveries(raw.tables["tracks"] + raw.tables["pages"]):
        signal = TRACKS.get(row["event_text"]) if "event_text" in row else "pricing_viewed"
        if signal == "home_waved":  # no line of signal_map names it
            continue
        user, device, group = row["user_id"], row["anonymous_id"], row["context_group_id"]
        node = f"user_id:{user}" if user else f"anonymous_id:{device}" if device else None
        corrected = row["received_at"] - (row["sent_at"] - row["original_timestamp"])
        yield (
            signal,
            node,
            f"workspace:{group}" if group else None,
            min(corrected, row["received_at"]),
            row["received_at"],
            amounts.get(row["id"]),
        )


def first_deliveries(rows: list[Row]) -> list[Row]:
    ordered = sorted(rows, key=lambda row: (row["received_at"], row["timestamp"]), reverse=True)
    first = {row["id"]: row for row in ordered}
    assert Counter(row["id"] for row in rows).most_common(1)[0][1] > 1
    return list(first.values())
