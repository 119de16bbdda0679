"""The comparison with accounts won later: the model over random accounts, against a plain reading."""

from collections import defaultdict
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest
import yaml

from tests.unit.rendered_models import WARNING, rendered

pytestmark = pytest.mark.filterwarnings(WARNING)

EXAMPLES = Path(__file__).parents[2] / "models" / "features" / "training_examples.yml"
COLUMNS = ", ".join(
    f"{column['name']} {column['data_type']}" for column in yaml.safe_load(EXAMPLES.read_text())["models"][0]["columns"]
)
BOUNDS = [0, 30, 60, 90, 180, 360]
FEWEST = 5
MEASURED = ("team", "seats", "organisation", "industry")  # two numbers, a yes or a no, a word
TABLES = f"""
create table signals as
    select
        unnest(['invited', 'shared', 'team', 'seats', 'organisation', 'industry']) as signal, 'a label' as label,
        unnest(['events', 'sequences', {", ".join(["'account_metrics'"] * 4)}]) as measured_from;
create table scoring_examples ({COLUMNS});
create table training_examples ({COLUMNS});
create table account_signal_metrics (account_id varchar, as_of_date date, signal varchar, events_28d bigint);
create table signal_contributions (
    run_id varchar, account_id varchar, signal varchar, rank integer, value double
);
"""

GIVEN = "(account_id, as_of_date, tenure__days, is_won, team__people_28d, seats__utilisation)"
Facts = dict[str, list[tuple]]


def random_facts(seed: int, accounts: int) -> Facts:
    random = np.random.default_rng(seed)
    facts: Facts = defaultdict(list)
    for k in range(accounts):
        name, age = f"past_{k}", int(random.choice([0, 20, 45, 70, 170, 350, 500]))
        for month in range(3):
            day = date(2026, 1 + month, 1)
            seats = None if random.random() < 0.3 else float(random.random())
            is_won = bool(random.random() < 0.4)
            facts["training_examples"].append((name, day, age + 30 * month, is_won, int(random.integers(0, 5)), seats))
            if random.random() < 0.8:
                facts["account_signal_metrics"].append((name, day, "invited", int(random.integers(0, 9))))
    for k, age in enumerate([0, 29, 30, 59, 89, 90, 200, 360, 4000]):
        seats = None if k % 3 == 0 else k / 10
        facts["scoring_examples"].append((f"now_{k}", date(2026, 6, 1), age, None, k, seats))
        values = {"invited": float(k), "team": float(k), "baseline": None, "shared": float(k), "seats": seats}
        for rank, (signal, value) in enumerate((values | {"organisation": 1.0, "industry": None}).items(), start=1):
            rank_now = 6 if signal == "shared" and k % 2 == 0 else min(rank, 5)
            facts["signal_contributions"].append(("today", f"now_{k}", signal, rank_now, value))
    return facts


def compared(facts: Facts) -> dict[tuple[str, str], tuple]:
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        for table, rows in facts.items():
            columns = GIVEN if table.endswith("_examples") else ""
            connection.executemany(f"insert into {table} {columns} values ({', '.join('?' * len(rows[0]))})", rows)
        found = connection.execute(rendered("scores/won_at_same_age.sql")).to_arrow_table().to_pylist()
    return {
        (row["account_id"], row["signal"]): (
            row["compared_with"], row["from_days"], row["won_accounts"],
            row["won_lower_quartile"], row["won_median"], row["won_upper_quartile"], row["value"],
        )
        for row in found
    }  # fmt: skip


def plainly(facts: Facts) -> dict[tuple[str, str], tuple]:
    place = {name: place_of(age) for name, _, age, *_ in facts["scoring_examples"]}
    last: dict[tuple[int, str], date] = {}
    measured: dict[tuple[str, date, str], float | None] = {}
    for name, day, age, is_won, team, seats in facts["training_examples"]:
        measured |= {(name, day, "team"): team, (name, day, "seats"): seats}
        if is_won:
            key = place_of(age), name
            last[key] = max(day, last.get(key, day))
    counted = {(name, day, signal): events for name, day, signal, events in facts["account_signal_metrics"]}
    found: dict[tuple[str, str], tuple] = {}
    for _, name, signal, rank, value in facts["signal_contributions"]:
        if rank > 5 or signal not in ("invited", "shared", "team", "seats") or value is None:
            continue
        values = {
            at: [
                shown
                for (age, won), day in last.items()
                if age == at
                and (shown := measured[won, day, signal] if signal in MEASURED else counted.get((won, day, signal), 0))
                is not None
            ]
            for at in range(len(BOUNDS))
        }
        own = place[name]
        near = [at for at in (own, own - 1, own + 1) if len(values.get(at, [])) >= FEWEST]
        if not near:
            found[name, signal] = ("none", None, 0, None, None, None, value)
            continue
        at = own if own in near else max(near, key=lambda at: (len(values[at]), -at))
        quartiles = np.percentile(values[at], [25, 50, 75])
        said = "same_age" if at == own else "neighbouring_age"
        found[name, signal] = (said, BOUNDS[at], len(values[at]), *map(pytest.approx, quartiles), value)
    return found


def place_of(age: int) -> int:
    return max(k for k, bound in enumerate(BOUNDS) if age >= bound)


@pytest.mark.parametrize(("seed", "accounts"), [(0, 200), (1, 60), (2, 25), (3, 12), (4, 3)])
def test_the_comparison_is_that_of_a_plain_reading(seed: int, accounts: int):
    facts = random_facts(seed, accounts)
    assert compared(facts) == plainly(facts)


def test_all_three_ways_to_compare_occur():
    said = {
        row[0]
        for seed, accounts in [(0, 200), (2, 25), (4, 3)]
        for row in compared(random_facts(seed, accounts)).values()
    }
    assert said == {"same_age", "neighbouring_age", "none"}
