"""The comparison with accounts won later: the model over random accounts, against a plain reading."""

from collections import defaultdict
from datetime import date

import duckdb
import numpy as np
import pytest

from tests.unit.rendered_models import WARNING, rendered

pytestmark = pytest.mark.filterwarnings(WARNING)

BOUNDS = [0, 30, 60, 90, 180, 360]
FEWEST = 5
TABLES = """
create table signals as
    select
        unnest(['invited', 'shared', 'team']) as signal, 'a label' as label,
        unnest(['events', 'sequences', 'account_metrics']) as measured_from;
create table scoring_examples (account_id varchar, tenure__days integer);
create table training_examples (account_id varchar, as_of_date date, tenure__days integer, is_won boolean);
create table account_signal_metrics (account_id varchar, as_of_date date, signal varchar, events_28d bigint);
create table signal_contributions (
    run_id varchar, account_id varchar, signal varchar, rank integer, value double
);
"""

Facts = dict[str, list[tuple]]


def random_facts(seed: int, accounts: int) -> Facts:
    random = np.random.default_rng(seed)
    facts: Facts = defaultdict(list)
    for k in range(accounts):
        name, age = f"past_{k}", int(random.choice([0, 20, 45, 70, 170, 350, 500]))
        for month in range(3):
            day = date(2026, 1 + month, 1)
            facts["training_examples"].append((name, day, age + 30 * month, bool(random.random() < 0.4)))
            if random.random() < 0.8:
                facts["account_signal_metrics"].append((name, day, "invited", int(random.integers(0, 9))))
    for k, age in enumerate([0, 29, 30, 59, 89, 90, 200, 360, 4000]):
        facts["scoring_examples"].append((f"now_{k}", age))
        for rank, signal in enumerate(["invited", "team", "baseline", "shared"], start=1):
            rank_now = rank if signal != "shared" or k % 2 else 6
            facts["signal_contributions"].append(("today", f"now_{k}", signal, rank_now, float(k)))
    return facts


def compared(facts: Facts) -> dict[tuple[str, str], tuple]:
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        for table, rows in facts.items():
            connection.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)
        found = connection.execute(rendered("scores/won_at_same_age.sql")).to_arrow_table().to_pylist()
    return {
        (row["account_id"], row["signal"]): (
            row["compared_with"], row["from_days"], row["won_accounts"],
            row["won_lower_quartile"], row["won_median"], row["won_upper_quartile"], row["value"],
        )
        for row in found
    }  # fmt: skip


def plainly(facts: Facts) -> dict[tuple[str, str], tuple]:
    place = {name: place_of(age) for name, age in facts["scoring_examples"]}
    last: dict[tuple[int, str], date] = {}
    for name, day, age, is_won in facts["training_examples"]:
        if is_won:
            key = place_of(age), name
            last[key] = max(day, last.get(key, day))
    counted = {(name, day, signal): events for name, day, signal, events in facts["account_signal_metrics"]}
    found: dict[tuple[str, str], tuple] = {}
    for _, name, signal, rank, value in facts["signal_contributions"]:
        if rank > 5 or signal not in ("invited", "shared"):
            continue
        values = {
            at: [counted.get((won, day, signal), 0) for (age, won), day in last.items() if age == at]
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
