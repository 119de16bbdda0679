"""Design section 3: whatever is added, changed or deleted from D on, what a model learns as of D is bit-identical."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from comparison import BOTH_KNOW, differences, summary, two_builds
from mutation import mutate

pytestmark = pytest.mark.slow

DATE = "2026-03-01"
END = "2026-07-01"
TABLES = {
    "features.account_metrics": ("account_id", "as_of_date"),
    "features.account_signal_metrics": ("account_id", "as_of_date", "signal"),
    "features.account_cohort": ("account_id", "as_of_date"),
    "features.training_examples": ("account_id", "as_of_date"),
}
LABELS = (
    "is_won", "won_at", "amount", "outcome", "lost_at", "disqualified_at", "self_serve_paid_at", "is_expanded",
    "expanded_at", "expansion_amount", "is_mature", "censored_by",
)  # fmt: skip
# What a label may follow: the deals and paid subscriptions of its window, as they are known when it is looked up.
OF_THE_WINDOW = """
    select labels.account_id, labels.as_of_date, 'deal ' || states.opportunity_id as fact, states.state,
        states.opportunity_type, states.amount, states.closed_at as happened_at
    from {build}.features.account_labels as labels
    inner join {build}.features.account_opportunity_states as states using (account_id)
    where states.known_from < timestamp '{end}' and states.known_until >= timestamp '{end}'
        and states.closed_at >= labels.as_of_date and states.closed_at < labels.as_of_date + 90

    union all

    select labels.account_id, labels.as_of_date, 'subscription ' || subscriptions.id, null, null, null,
        subscriptions.started_at
    from {build}.features.account_labels as labels
    inner join {build}.identity.organisation_reach as reach on labels.account_id = reach.target
    inner join {build}.billing.subscriptions as subscriptions
        on reach.node = 'workspace:' || subscriptions.workspace_id and subscriptions.amount_monthly > 0
    where reach.available_at < timestamp '{end}'
        and subscriptions.started_at >= labels.as_of_date and subscriptions.started_at < labels.as_of_date + 90

    union all

    -- Somebody who was won before did not pay without sales.
    select account_id, as_of_date, 'won before', null, null, null, min(closed_at)
    from {build}.features.account_labels as labels
    inner join {build}.features.account_opportunity_states as states using (account_id)
    where states.state = 'won' and states.closed_at < labels.as_of_date + 90
        and states.known_from < timestamp '{end}' and states.known_until >= timestamp '{end}'
    group by account_id, as_of_date
"""


@pytest.fixture(scope="module")
def other_future(built_copy: Callable[..., Path]) -> Path:
    return built_copy("other_future", END, partial(mutate, date=DATE))


@pytest.mark.parametrize("table", TABLES)
def test_past_rows_do_not_move_with_the_future(
    table: str, full_build: Path, other_future: Path, record_property: Callable[[str, object], None]
) -> None:
    with two_builds(full_build, other_future) as connection:
        compared, found = differences(connection, table, TABLES[table], DATE, ignored=LABELS)
    print(f"{table} up to {DATE}: {compared:,} rows compared, {len(found)} differences")
    record_property("rows_compared", compared)
    assert compared > 300
    assert not found, summary(found)


def test_labels_move_only_with_the_facts_of_their_window(full_build: Path, other_future: Path) -> None:
    with two_builds(full_build, other_future) as connection:
        compared, found = differences(connection, "features.account_labels", ("account_id", "as_of_date"), DATE)
        for build in ("one", "other"):
            connection.execute(f"create temp table facts_of_{build} as {OF_THE_WINDOW.format(build=build, end=END)}")
        moved = {
            f"features.account_labels {account} {date}"
            for account, date in connection.execute(
                "select distinct account_id, as_of_date from ("
                "(from facts_of_one except all from facts_of_other) union all "
                "(from facts_of_other except all from facts_of_one))"
            ).fetchall()
        }
    unexplained = [difference for difference in found if difference.split(": ")[0] not in moved]
    print(f"labels up to {DATE}: {compared:,} rows compared, {len(found)} differences in {len(moved)} windows")
    assert compared > 300
    assert len(found) > 50  # another future does change what becomes of accounts
    assert not unexplained, summary(unexplained)


def test_what_was_known_of_a_deal_does_not_move_with_its_future(full_build: Path, other_future: Path) -> None:
    known = (
        "select opportunity_id, account_id, opportunity_type, state, created_at, closed_at, known_from, "
        f"least(known_until, timestamp '{DATE}') as known_until from {{build}}.features.account_opportunity_states "
        f"where known_from < timestamp '{DATE}' and {BOTH_KNOW}"
    )
    one, other = known.format(build="one"), known.format(build="other")
    with two_builds(full_build, other_future) as connection:
        (compared,) = connection.execute(f"select count(*) from ({one})").fetchone()
        (taken_back,) = connection.execute(
            f"select count(*) from other.features.account_opportunity_states where known_from < timestamp '{DATE}' "
            f"and state <> 'open' and known_until > timestamp '{DATE}' and known_until < timestamp '{END}'"
        ).fetchone()
        found = connection.execute(
            f"(({one}) except all ({other})) union all (({other}) except all ({one}))"
        ).fetchall()
    assert compared > 50
    assert taken_back > 5  # outcomes that had been known were opened again
    assert not found, summary([str(row) for row in found])
