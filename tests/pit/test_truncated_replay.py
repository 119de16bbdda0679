"""Design section 3: drop all facts known from D on, rebuild, and every metric as of a date up to D is what it was."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from comparison import differences, summary, two_builds
from truncation import truncate

pytestmark = pytest.mark.slow

TABLES = {
    "features.account_signal_metrics": ("account_id", "as_of_date", "signal"),
    "features.account_metrics": ("account_id", "as_of_date"),
    "features.account_cohort": ("account_id", "as_of_date"),
}
NOT_ABOUT_THE_PAST = ("is_scoring",)  # says which date this build scores


@pytest.fixture(scope="module", params=["2025-12-01", "2026-03-01"])
def replay(request: pytest.FixtureRequest, built_copy: Callable[..., Path]) -> tuple[str, Path]:
    date = request.param
    return date, built_copy(f"truncated_{date}", date, partial(truncate, date=date))


@pytest.mark.parametrize("table", TABLES)
def test_every_row_as_of_a_past_date_is_what_it_was_then(
    table: str, full_build: Path, replay: tuple[str, Path], record_property: Callable[[str, object], None]
) -> None:
    date, truncated = replay
    with two_builds(full_build, truncated) as connection:
        compared, found = differences(
            connection, table, TABLES[table], date, ignored=NOT_ABOUT_THE_PAST, relative_tolerance=1e-12
        )
    print(f"{table} up to {date}: {compared:,} rows compared, {len(found)} differences")
    record_property(f"rows_compared_{date}", compared)
    assert compared > 300
    assert not found, summary(found)


def test_every_account_known_at_the_date_was_known_then(full_build: Path, replay: tuple[str, Path]) -> None:
    date, truncated = replay
    with two_builds(full_build, truncated) as connection:
        missing = connection.execute(
            "select account_id, name, first_seen_at from one.identity.accounts "
            "where first_seen_at < cast(? as timestamp) "
            "and account_id not in (select account_id from other.identity.accounts)",
            [date],
        ).fetchall()
    assert not missing


def test_an_account_of_then_is_gone_today_only_where_it_was_merged(
    full_build: Path, replay: tuple[str, Path], record_property: Callable[[str, object], None]
) -> None:
    date, truncated = replay
    with two_builds(full_build, truncated) as connection:
        gone = connection.execute(
            "select account_id from other.identity.accounts anti join one.identity.accounts using (account_id)"
        ).fetchall()
        (total,) = connection.execute("select count(*) from other.identity.accounts").fetchone()
        unexplained = connection.execute(
            """
            with gone as (
                select account_id, kind from other.identity.accounts anti join one.identity.accounts using (account_id)
            ),

            identified as (
                select reach.target as account_id, reach.node from other.identity.organisation_reach as reach
                union all
                select members.account_id, identifiers.node
                from other.identity.account_members as members
                inner join other.identity.person_identifiers as identifiers using (person_id)
                where members.matched_by = 'individual'
            ),

            absorbed as (
                select reach.node, reach.target as account_id from one.identity.organisation_reach as reach
                union all
                select identifiers.node, members.account_id
                from one.identity.person_identifiers as identifiers
                inner join one.identity.account_members as members using (person_id)
            ),

            -- Merged: every identifier is now in one account, and another one than this.
            merged as (
                select gone.account_id, absorbed.account_id as into_account
                from gone
                inner join identified using (account_id)
                inner join absorbed using (node)
                inner join one.identity.accounts as into_accounts on absorbed.account_id = into_accounts.account_id
                group by gone.account_id, absorbed.account_id
                having count(distinct identified.node) = (
                    select count(distinct node) from identified as own where own.account_id = gone.account_id
                )
            ),

            -- An individual leaves by being merged with an older person, not by having been at a company all along.
            same_person as (
                select gone.account_id
                from gone
                inner join other.identity.account_members as members using (account_id)
                inner join one.identity.persons as persons on members.person_id = persons.person_id
                where gone.kind = 'individual'
            )

            select * from gone
            where account_id not in (select account_id from merged)
                or account_id in (select account_id from same_person)
            """
        ).fetchall()
    share = len(gone) / total
    print(f"{date}: {len(gone)} of {total} accounts ({share:.2%}) were merged later")
    record_property(f"merged_later_{date}", share)
    assert not unexplained
    assert share < 0.02
