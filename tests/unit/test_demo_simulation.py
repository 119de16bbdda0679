"""The simulated company: the same whenever it is run, honest about its truth, and shaped like the vendors' tables."""

from collections.abc import Callable, Iterator

import duckdb
import pytest

from demo import simulate as simulation
from demo.raw_tables import COLUMNS, EVENT_PROPERTIES, create_tables, quoted
from demo.signals import INDEX
from demo.simulate import is_current, simulate

ACCOUNTS = 200

Fingerprint = Callable[[duckdb.DuckDBPyConnection], dict[str, tuple[object, ...]]]


def fingerprint(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[object, ...]]:
    rows = {}
    for name in COLUMNS:
        query = f"select count(*), sum(hash(raw)::hugeint) from {quoted(name)} as raw"
        rows[name] = connection.execute(query).fetchone()
    return rows


def simulated(accounts: int = ACCOUNTS, seed: int = 7, blocks_per_write: int = 4) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    simulate(connection, accounts, seed, blocks_per_write=blocks_per_write)
    return connection


@pytest.fixture(scope="module")
def company() -> Iterator[duckdb.DuckDBPyConnection]:
    with simulated() as connection:
        yield connection


def value(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_same_seed_gives_identical_tables(company: duckdb.DuckDBPyConnection) -> None:
    with simulated() as again:
        assert fingerprint(again) == fingerprint(company)


def test_other_seed_gives_other_tables(company: duckdb.DuckDBPyConnection) -> None:
    ours = fingerprint(company)
    with simulated(seed=8) as other:
        theirs = fingerprint(other)
    assert {name for name in ours if ours[name] == theirs[name]} == {"truth.signals"}


def test_number_of_blocks_in_memory_alters_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "BLOCK_SIZE", 40)
    with simulated(130, blocks_per_write=1) as one, simulated(130, blocks_per_write=3) as three:
        assert fingerprint(one) == fingerprint(three)


def test_replaces_an_earlier_simulation_and_knows_what_is_there(company: duckdb.DuckDBPyConnection) -> None:
    with duckdb.connect() as connection:
        assert not is_current(connection, 20, 3)
        simulate(connection, 20, 3)
        assert is_current(connection, 20, 3)
        assert not is_current(connection, 20, 4)
        simulate(connection, ACCOUNTS, 7)
        assert is_current(connection, ACCOUNTS, 7)
        assert fingerprint(connection) == fingerprint(company)


def test_crash_half_way_leaves_the_earlier_tables() -> None:
    def crash(done: int, wanted: int) -> None:
        raise KeyboardInterrupt

    with duckdb.connect() as connection:
        simulate(connection, 20, 3)
        before = fingerprint(connection)
        with pytest.raises(KeyboardInterrupt):
            simulate(connection, 30, 4, crash)
        assert fingerprint(connection) == before
        assert is_current(connection, 20, 3)


def test_progress_ends_at_the_number_of_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "BLOCK_SIZE", 10)
    calls: list[tuple[int, int]] = []
    with duckdb.connect() as connection:
        summary = simulate(connection, 25, 1, lambda done, wanted: calls.append((done, wanted)), blocks_per_write=2)
    assert calls == [(20, 25), (25, 25)]
    assert summary.accounts == 25


@pytest.mark.parametrize(("accounts", "seed"), [(0, 1), (10, -1)])
def test_refuses_impossible_sizes(accounts: int, seed: int) -> None:
    with duckdb.connect() as connection, pytest.raises(ValueError, match="must be at least"):
        simulate(connection, accounts, seed)


@pytest.mark.parametrize("accounts", [1, 2, 3])
def test_smallest_companies_run(accounts: int) -> None:
    with simulated(accounts, seed=1) as connection:
        workspaces = value(connection, "select count(distinct id) from billing.subscriptions where plan = 'free'")
    assert workspaces >= accounts


def test_every_column_has_values(company: duckdb.DuckDBPyConnection) -> None:
    for name in COLUMNS:
        for column, *_ in company.execute(f"describe {quoted(name)}").fetchall():
            if (name, column) in {("salesforce.account", "parent_id"), ("salesforce.account_history", "parent_id")}:
                continue  # rare enough that 200 accounts may have none
            filled = value(company, f'select count("{column}") from {quoted(name)}')
            server_side = column in {"anonymous_id", "context_location_country"}
            assert filled > 0 or (server_side and name in {"segment.api_called", "segment.limit_reached"}), (
                name,
                column,
            )


def test_tables_are_created_with_the_declared_columns_only() -> None:
    with duckdb.connect() as connection:
        create_tables(connection)
        created = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
        ).fetchall()
    assert {name for (name,) in created} == set(COLUMNS)


def test_timestamp_follows_segments_formula(company: duckdb.DuckDBPyConnection) -> None:
    for table in ("tracks", "pages", "identifies", "groups", "aliases"):
        query = f"""
            select count(*) from segment.{table} where timestamp <> received_at - (sent_at - original_timestamp)
        """
        assert value(company, query) == 0


def test_times_are_inside_the_year_and_in_order(company: duckdb.DuckDBPyConnection) -> None:
    query = """
        select count(*) from segment.tracks
        where not (timestamp '2025-07-01' <= timestamp and timestamp <= received_at and received_at <= uuid_ts
            and uuid_ts < timestamp '2026-07-01')
    """
    assert value(company, query) == 0


def test_shares_of_late_duplicate_and_skewed_events(company: duckdb.DuckDBPyConnection) -> None:
    late = value(company, "select avg((received_at - timestamp >= interval 1 day)::int) from segment.tracks")
    duplicates = value(company, "select 1 - count(distinct id) / count(*) from segment.tracks")
    skewed = value(
        company, "select avg((abs(epoch(timestamp) - epoch(original_timestamp)) > 600)::int) from segment.pages"
    )
    assert late == pytest.approx(0.03, abs=0.006)
    assert duplicates == pytest.approx(0.01, abs=0.003)
    assert 0.002 < skewed < 0.06  # 2 % of devices, which differ in how much they are used


def test_duplicates_repeat_everything_but_their_arrival(company: duckdb.DuckDBPyConnection) -> None:
    query = """
        select count(*) filter (where copies > 1), max(contents), min(arrivals - copies)
        from (
            select id, count(*) as copies, count(distinct uuid_ts) as arrivals,
                count(distinct (anonymous_id, user_id, event, original_timestamp, timestamp)) as contents
            from segment.tracks group by id
        )
    """
    row = company.execute(query).fetchone()
    assert row is not None
    assert row[0] > 0
    assert row[1:] == (1, 0)
    same_property = """
        select max(n) from (
            select count(distinct (environment, type)) as n from segment.data_source_connected group by id
        )
    """
    assert value(company, same_property) == 1


def test_event_tables_hold_exactly_the_tracks(company: duckdb.DuckDBPyConnection) -> None:
    for event in EVENT_PROPERTIES:
        ours = f"select count(*), sum(hash(id, uuid_ts)::hugeint) from segment.{event}"
        theirs = "select count(*), sum(hash(id, uuid_ts)::hugeint) from segment.tracks where event = ?"
        assert company.execute(ours).fetchone() == company.execute(theirs, [event]).fetchone()


def test_call_ids_are_unique_across_tables(company: duckdb.DuckDBPyConnection) -> None:
    tables = ("tracks", "pages", "identifies", "groups", "aliases")
    union = " union all ".join(f"select distinct id from segment.{table}" for table in tables)
    assert value(company, f"select count(*) - count(distinct id) from ({union})") == 0


IDENTIFIERS = {
    "user_id": """
        select user_id from segment.tracks union select user_id from segment.pages
        union select user_id from segment.groups union select user_id from segment.identifies
        union select user_id from segment.aliases
        union select id from segment.users
        union select previous_id from segment.aliases where previous_id like 'u%'
    """,
    "anonymous_id": """
        select anonymous_id from segment.tracks union select anonymous_id from segment.pages
        union select anonymous_id from segment.identifies union select anonymous_id from segment.groups
        union select previous_id from segment.aliases where previous_id like 'a%'
        union select anonymous_id from marketing.touches
    """,
    "email": """
        select email from segment.identifies union select email from segment.users
        union select email from salesforce.contact union select email from salesforce.lead
        union select email from marketing.touches
        union select email from enrichment.people
    """,
}
ACCOUNT_IDENTIFIERS = {
    "workspace_id": """
        select group_id from segment.groups union select context_group_id from segment.tracks
        union select workspace_id_c from salesforce.account union select workspace_id from billing.subscriptions
    """,
    "crm_account_id": """
        select id from salesforce.account union select account_id from salesforce.contact
        union select account_id from salesforce.opportunity union select account_id from salesforce.task
        union select converted_account_id from salesforce.lead union select parent_id from salesforce.account
    """,
    "domain": "select domain from enrichment.companies union select domain from segment.groups",
}


@pytest.mark.parametrize("kind", IDENTIFIERS)
def test_truth_covers_every_identifier_of_people(company: duckdb.DuckDBPyConnection, kind: str) -> None:
    query = f"""
        select count(*) from ({IDENTIFIERS[kind]}) as seen(identifier)
        where identifier is not null
            and identifier not in (select identifier from truth.people where identifier_type = '{kind}')
    """
    assert value(company, query) == 0


@pytest.mark.parametrize("kind", ACCOUNT_IDENTIFIERS)
def test_truth_covers_every_identifier_of_accounts(company: duckdb.DuckDBPyConnection, kind: str) -> None:
    query = f"""
        select count(*) from ({ACCOUNT_IDENTIFIERS[kind]}) as seen(identifier)
        where identifier is not null
            and identifier not in (select identifier from truth.account_identifiers where identifier_type = '{kind}')
    """
    assert value(company, query) == 0


def test_truth_has_one_row_per_identifier_and_person(company: duckdb.DuckDBPyConnection) -> None:
    people = "select count(*) - count(distinct (identifier_type, identifier, true_person)) from truth.people"
    accounts = "select count(*) - count(distinct (identifier_type, identifier)) from truth.account_identifiers"
    assert value(company, people) == 0
    assert value(company, accounts) == 0


def test_truth_of_signals_covers_the_year_without_gaps(company: duckdb.DuckDBPyConnection) -> None:
    rows = company.execute(
        """
        select signal, sum(to_date - from_date), min(from_date)::varchar, max(to_date)::varchar
        from truth.signals group by signal
        """
    ).fetchall()
    assert {row[0] for row in rows} == set(INDEX)
    assert {row[1:] for row in rows} == {(365, "2025-07-01", "2026-07-01")}


def test_wins_in_the_history_are_the_wins_in_the_opportunities(company: duckdb.DuckDBPyConnection) -> None:
    current = "select count(*) from salesforce.opportunity where is_won and not is_deleted"
    history = """
        select count(distinct id) from salesforce.opportunity_history
        where is_won and not is_deleted and id not in (select id from salesforce.opportunity where is_deleted)
    """
    closing_day = """
        select count(*) from salesforce.opportunity as deal
        join salesforce.opportunity_history as version using (id)
        where version.stage_name like 'Closed%' and not version.is_deleted
            and version._fivetran_start::date <> deal.close_date
    """
    assert value(company, current) > 0
    assert value(company, current) == value(company, history)
    assert value(company, closing_day) == 0


@pytest.mark.parametrize("table", ["account", "opportunity"])
def test_history_versions_follow_each_other(company: duckdb.DuckDBPyConnection, table: str) -> None:
    broken = f"""
        select count(*) from (
            select *, lead(_fivetran_start) over (partition by id order by _fivetran_start) as following
            from salesforce.{table}_history
        )
        where _fivetran_active <> (following is null)
            or _fivetran_end <> coalesce(following - interval 1 millisecond, timestamp '9999-12-31 23:59:59')
            or _fivetran_end <= _fivetran_start
    """
    active = f"select count(*) from salesforce.{table}_history where _fivetran_active"
    assert value(company, broken) == 0
    assert value(company, active) == value(company, f"select count(*) from salesforce.{table}")


def test_probabilities_are_for_companies_that_can_still_be_won(company: duckdb.DuckDBPyConnection) -> None:
    query = """
        select count(*) from truth.accounts as truth
        join truth.account_identifiers as known
            on truth.true_account = known.true_account and known.identifier_type = 'crm_account_id'
        join salesforce.opportunity as deal on deal.account_id = known.identifier and not deal.is_deleted
        join salesforce.opportunity_history as closing
            on closing.id = deal.id and closing.stage_name like 'Closed%' and not closing.is_deleted
        where deal.created_date < as_of_date
            and (closing._fivetran_start >= as_of_date or (closing.is_won and deal.type = 'New Business'))
    """
    assert value(company, query) == 0
    assert value(company, "select count(distinct as_of_date) from truth.accounts") == 12
    assert value(company, "select min(true_probability) from truth.accounts") >= 0
    assert value(company, "select max(true_probability) from truth.accounts") <= 0.8
