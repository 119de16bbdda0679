"""Rule points of single people: the model over random days, against a plain reading of the rules; and edited rules."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from orchestration.configuration import rows_with_lines
from tests.unit.edited_seeds import edited_seeds, load_seeds
from tests.unit.rendered_models import WARNING, rendered

pytestmark = pytest.mark.filterwarnings(WARNING)

SEEDS = {
    "signals": "{'polarity': 'INTEGER'}",
    "signal_roles": "{'role': 'VARCHAR'}",
    "scoring_rules": "{'from': 'DOUBLE', 'below': 'DOUBLE', 'one_of': 'VARCHAR', 'points': 'DOUBLE', 'cap': 'DOUBLE'}",
    "rule_presets": "{'qualified_from': 'DOUBLE'}",
}
TODAY = date(2026, 6, 1)
PEOPLE = {"per_ada": "acc_one", "per_bob": "acc_one", "per_eve": "acc_two", "per_idle": "acc_two"}
SENIOR = {"per_eve", "per_idle"}
TABLES = """
create table as_of_dates as select date '2026-06-01' as as_of_date, true as is_scoring;
create table scoring_examples as select unnest(['acc_one', 'acc_two']) as account_id;
create table account_members (account_id varchar, person_id varchar, available_at timestamp);
create table person_anchors as select 'device:1' as node, 'per_visitor' as person_id;
create table person_identifiers as select 'device:1' as node, 'per_ada' as person_id;
create table person_positions as
    select
        unnest(['per_eve', 'per_idle']) as person_id, 'seniority' as kind, 'director' as value,
        timestamp '2026-01-01' as available_at;
create table account_days (
    account_id varchar, person_id varchar, signal varchar, occurred_on date, available_on date, counted_events bigint
);
"""
OF_ROLES = {
    ("logins", "days_7d"): ("login", "days", 7),
    ("invites", "sent_28d"): ("invite_sent", "events", 28),
    ("pricing_visits", "events_28d"): ("pricing", "events", 28),
    ("limit_hits", "events_28d"): ("limit", "events", 28),
    ("checkouts", "events_28d"): ("checkout_begun", "events", 28),
}

Day = tuple[str, str, str, date, date, int]
Points = dict[tuple[str, str], float]


def random_days(seed: int, signals: list[str]) -> list[Day]:
    random = np.random.default_rng(seed)
    people = [*(person for person in PEOPLE if person != "per_idle"), "per_visitor"]
    days: list[Day] = []
    for _ in range(60):
        person = str(random.choice(people))
        occurred = TODAY - timedelta(days=int(random.choice([-1, 0, 1, 2, 3, 5, 7, 8, 20, 28, 29, 60, 90, 91])))
        known = occurred + timedelta(days=int(random.choice([0, 0, 0, 3])))
        account = PEOPLE.get(person, "acc_one")
        days.append((account, person, str(random.choice(signals)), occurred, known, int(random.integers(1, 4))))
    return days


@pytest.fixture
def points(tmp_path: Path) -> Callable[..., tuple[Points, Path]]:
    """The points by person and group over these days, with some texts of some files replaced, and the files."""

    def decide(days: list[Day], *edits: tuple[str, str, str]) -> tuple[Points, Path]:
        folder = edited_seeds(tmp_path / "seeds", edits)
        with duckdb.connect() as connection:
            load_seeds(connection, folder, SEEDS)
            connection.execute(TABLES)
            connection.executemany(
                "insert into account_members values (?, ?, '2026-01-01')",
                [(account, person) for person, account in PEOPLE.items()],
            )
            connection.executemany("insert into account_days values (?, ?, ?, ?, ?, ?)", days)
            rows = connection.execute(rendered("scores/person_rule_points.sql")).to_arrow_table().to_pylist()
            return {(row["person_id"], row["rule_group"]): row["points"] for row in rows}, folder

    return decide


def reading(person: str, signal: str, metric: str, days: list[Day], folder: Path) -> float | None:
    """The metric of one person as the words of docs/scores.md say it; None where it is not personal."""
    known = {row["signal"]: row for _, row in rows_with_lines(folder, "signals")}
    mine = [
        ((TODAY - occurred).days, what, events)
        for _, who, what, occurred, available, events in days
        if {"per_visitor": "per_ada"}.get(who, who) == person and occurred < TODAY and available < TODAY
        if (TODAY - occurred).days <= 90
    ]
    if (signal, metric) in OF_ROLES:
        role, kind, window = OF_ROLES[signal, metric]
        of_role = {row["signal"] for _, row in rows_with_lines(folder, "signal_roles") if row["role"] == role}
        chosen = [(age, events) for age, what, events in mine if what in of_role and age <= window]
        return len({age for age, _ in chosen}) if kind == "days" else sum(events for _, events in chosen)
    if signal == "activity" and metric.startswith("active_days"):
        return len({age for age, _, _ in mine if age <= int(metric[len("active_days_") : -1])})
    if (signal, metric) == ("breadth", "signals_28d"):
        broad = {name for name, row in known.items() if (row["polarity"], row["use_in_model"]) == ("1", "true")}
        return len({what for age, what, _ in mine if age <= 28 and what in broad})
    if (signal, metric) == ("decision_makers", "people_90d"):
        return float(bool(mine) and person in SENIOR)
    if known[signal]["measured_from"] == "events" and metric.startswith("events_"):
        return sum(events for age, what, events in mine if what == signal and age <= int(metric[len("events_") : -1]))
    return None


def plain_points(days: list[Day], folder: Path) -> Points:
    (preset,) = [
        row["preset"]
        for _, row in rows_with_lines(folder, "rule_presets")
        if row["in_use"] == "true" and row["purpose"] == "new_business"
    ]
    found: Points = {}
    caps: dict[str, float] = {}
    for _, rule in rows_with_lines(folder, "scoring_rules"):
        if rule["preset"] != preset or rule["one_of"]:
            continue
        for person in PEOPLE:
            value = reading(person, rule["signal"], rule["metric"], days, folder)
            if value is not None:
                inside = float(rule["from"] or value) <= value < float(rule["below"] or "inf")
                key = person, rule["rule_group"]
                found[key] = found.get(key, 0) + inside * float(rule["points"])
                caps[rule["rule_group"]] = float(rule["cap"])
    return {(person, group): min(given, caps[group]) for (person, group), given in found.items()}


OTHER_PRESET = (("rule_presets", "template_110,true", "template_110,false"), ("rule_presets", "115,false", "115,true"))
ONE_SIGNAL = ("scoring_rules", "limit_hits,events_28d,1", "dashboard_created,events_90d,2")
EDITS = [(), OTHER_PRESET, (ONE_SIGNAL,)]


@pytest.mark.parametrize("edits", EDITS)
def test_points_of_a_person_are_those_of_a_plain_reading(points: Callable[..., tuple[Points, Path]], edits: tuple):
    for seed in range(3):
        days = random_days(
            seed,
            [
                "signed_in",
                "teammate_invited",
                "pricing_viewed",
                "limit_reached",
                "checkout_started",
                "dashboard_created",
            ]
            + (["report_scheduled", "export_run", "api_called"] if seed else []),
        )
        found, folder = points(days, *edits)
        assert found == plain_points(days, folder)
        assert any(found.values())


def test_the_cap_of_a_group_holds_and_what_is_no_person_s_gives_no_group(points: Callable[..., tuple[Points, Path]]):
    bought = [
        ("acc_one", "per_ada", signal, TODAY - timedelta(days=2), TODAY - timedelta(days=2), 1)
        for signal in ("pricing_viewed", "limit_reached", "checkout_started")
    ]
    found, _ = points(bought)
    assert found["per_ada", "intent"] == 10  # 3 + 5 + 10 points, of 10 at the most
    assert {group for _, group in found} == {"usage", "depth", "intent", "firmographics"}
    raised, _ = points(bought, ("scoring_rules", "pricing_visits,events_28d,1,", "pricing_visits,events_28d,2,"))
    assert raised["per_ada", "intent"] == 10
    lonely, _ = points(bought[:1], ("scoring_rules", "pricing_visits,events_28d,1,", "pricing_visits,events_28d,2,"))
    assert lonely["per_ada", "intent"] == 0
