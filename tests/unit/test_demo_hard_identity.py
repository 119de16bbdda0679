"""What makes identity hard: off at first, as often as promised, and with a truth that names everybody."""

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from demo.hard_identity import HARD, HardIdentity
from demo.identifiers import numbers, text_identifiers
from demo.raw_tables import COLUMNS, quoted
from demo.simulate import is_current, simulate
from demo.vocabulary import UNLISTED_MAILBOXES

ACCOUNTS = 1_000
SEEDS = Path(__file__).resolve().parents[2] / "seeds"
BLOCKED = SEEDS / "blocked_identifiers.csv"
SIZES_IN_TRUTH = """
    select identifier, count(distinct true_person) as people, count(distinct true_account) as companies
    from truth.people where {} group by identifier
"""


def simulated(accounts: int, hard: HardIdentity, seed: int = 7) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    simulate(connection, accounts, seed, hard=hard)
    return connection


@pytest.fixture(scope="module")
def company() -> Iterator[duckdb.DuckDBPyConnection]:
    with simulated(ACCOUNTS, HARD) as connection:
        yield connection


def sizes(company: duckdb.DuckDBPyConnection, condition: str) -> dict[str, tuple[int, int]]:
    """People and companies by identifier."""
    rows = company.execute(SIZES_IN_TRUTH.format(condition)).fetchall()
    return {identifier: (people, companies) for identifier, people, companies in rows}


def value(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_is_off_unless_asked_for() -> None:
    assert HardIdentity().switched_on == ()
    with duckdb.connect() as plain, simulated(60, HardIdentity()) as easy:
        simulate(plain, 60)
        for name in COLUMNS:
            query = f"select * from {quoted(name)}"
            assert easy.execute(query).fetchall() == plain.execute(query).fetchall(), name


def test_only_adds_to_what_is_there_without_it() -> None:
    changed = {"segment.users"}  # it holds the latest traits alone
    with simulated(150, HardIdentity()) as easy, simulated(150, HARD) as hard:
        for name in sorted(set(COLUMNS) - changed):
            columns = ", ".join(f'"{column}"' for column, *_ in easy.execute(f"describe {quoted(name)}").fetchall())
            query = f"select {columns} from {quoted(name)} order by all"
            rest = hard.execute(query).fetchall()
            missing = set(easy.execute(query).fetchall()) - set(rest)
            assert not missing, name


def test_same_seed_gives_identical_tables(company: duckdb.DuckDBPyConnection) -> None:
    with simulated(ACCOUNTS, HARD) as again:
        for name in COLUMNS:
            query = f"select count(*), sum(hash(raw)::hugeint) from {quoted(name)} as raw"
            assert again.execute(query).fetchone() == company.execute(query).fetchone(), name


def test_a_simulation_is_current_only_with_the_same_switches() -> None:
    kiosks = HardIdentity(kiosks=True)
    with simulated(20, kiosks) as connection:
        assert is_current(connection, 20, 7, kiosks)
        assert not is_current(connection, 20, 7)
        assert not is_current(connection, 20, 7, HARD)


@pytest.mark.parametrize(
    ("switch", "traits"),
    [
        ("kiosks", ()), ("role_mailboxes", ()), ("shared_phones", ("phone",)), ("store_ids", ("store_id",)),
        ("store_logins", ()), ("support_login", ()),
    ],
)  # fmt: skip
def test_each_switch_works_alone(switch: str, traits: tuple[str, ...]) -> None:
    only = HardIdentity(**{switch: True})
    assert only.traits == traits
    with simulated(250, only) as hard, simulated(250, HardIdentity()) as easy:
        count = "select count(*) from truth.people"
        assert value(hard, count) > value(easy, count)
        described = {column for column, *_ in hard.execute("describe segment.identifies").fetchall()}
        assert {"phone", "store_id"} & described == set(traits)


@pytest.mark.parametrize("accounts", [1, 2, 3])
def test_smallest_companies_run(accounts: int) -> None:
    with simulated(accounts, HARD, seed=1) as connection:
        assert value(connection, "select count(*) from truth.people") > 0


def test_kiosks_have_users_of_many_companies(company: duckdb.DuckDBPyConnection) -> None:
    devices = [device for block in (0, 1) for device in text_identifiers("kiosk", 7, numbers(block, 6), prefix="a")]
    truth = sizes(company, "identifier_type = 'anonymous_id'")
    kiosks = {device: truth[device] for device in devices}
    assert sorted(people >= 50 for people, _ in kiosks.values()) == [False] * 10 + [True] * 2
    assert all(12 <= people <= 90 and companies > people / 2 for people, companies in kiosks.values())
    addresses_only = 0
    for device, (people, _) in kiosks.items():
        users, addresses, anonymous = company.execute(
            """
            select
                (select count(distinct coalesce(user_id, email)) from segment.identifies where anonymous_id = $1),
                (select count(*) from segment.identifies where anonymous_id = $1 and user_id is null),
                (select count(*) from segment.pages where anonymous_id = $1 and user_id is null)
            """,
            [device],
        ).fetchall()[0]
        assert users >= people
        assert anonymous >= people
        addresses_only += addresses > 0
    assert addresses_only == 4


def test_shared_mailboxes_are_unlisted_and_given_after_the_own_address(company: duckdb.DuckDBPyConnection) -> None:
    with BLOCKED.open(encoding="utf-8") as file:
        blocked = {row["value"] for row in csv.DictReader(file) if row["match"] == "mailbox"}
    assert blocked.isdisjoint(UNLISTED_MAILBOXES)
    words = ", ".join(f"'{word}'" for word in UNLISTED_MAILBOXES)
    mailboxes = sizes(company, f"identifier_type = 'email' and split_part(identifier, '@', 1) in ({words})")
    assert len(mailboxes) == 40
    assert all(2 <= people <= 8 and companies == 1 for people, companies in mailboxes.values())
    too_early = f"""
        with calls as (
            select owners.true_person, identifies.email, identifies.timestamp
            from segment.identifies
            inner join truth.people as owners
                on owners.identifier_type = 'user_id' and identifies.user_id = owners.identifier
        )
        select count(*) from calls as given where split_part(email, '@', 1) in ({words})
            and not exists (
                select 1 from calls as own
                where own.true_person = given.true_person and own.email <> given.email
                    and own.timestamp < given.timestamp)
    """
    assert value(company, too_early) == 0


def test_phone_numbers_are_shared_in_various_spellings(company: duckdb.DuckDBPyConnection) -> None:
    phones = sizes(company, "identifier_type = 'phone'")
    shared = {phone: size for phone, size in phones.items() if size[0] > 1}
    assert 1_600 < sum(people for people, _ in phones.values()) < 2_400
    assert len(shared) > 30
    assert max(people for people, _ in shared.values()) >= 5
    assert {companies for _, companies in shared.values()} == {1}
    spellings = company.execute("select distinct phone from segment.identifies where phone is not null").fetchall()
    digits = {"".join(filter(str.isdigit, phone)) for (phone,) in spellings}
    assert digits == set(phones)
    assert len(spellings) > 1.3 * len(digits)


def test_stores_have_from_one_to_several_hundred_people(company: duckdb.DuckDBPyConnection) -> None:
    stores = sizes(company, "identifier_type = 'store_id'")
    people = sorted(people for people, _ in stores.values())
    assert len(stores) == 24
    assert people[:6] == [1] * 6
    assert 250 < people[-2] <= people[-1] <= 300
    assert all(companies > people / 2 for people, companies in stores.values() if people >= 10)


def test_store_logins_are_given_with_dozens_of_addresses(company: duckdb.DuckDBPyConnection) -> None:
    logins = sizes(company, "identifier_type = 'user_id' and identifier like 'store-%'")
    assert set(logins) == {"store-17", "store-18", "store-19", "store-20"}
    assert all(24 <= people <= 60 for people, _ in logins.values())
    rows = company.execute(
        "select user_id, count(distinct email), count(anonymous_id) > 0 from segment.identifies"
        " where user_id like 'store-%' group by user_id order by user_id"
    ).fetchall()
    assert [addresses for _, addresses, _ in rows] == [logins[login][0] for login, *_ in rows]
    assert [on_own_device for *_, on_own_device in rows] == [False, True, False, True]


def test_the_support_login_visits_hundreds_of_customers(company: duckdb.DuckDBPyConnection) -> None:
    row = company.execute(
        """
        select count(distinct anonymous_id), count(distinct context_group_id),
            count(distinct anonymous_id) filter (timestamp between '2026-02-26' and '2026-03-27')
        from segment.identifies where user_id = 'support-desk'
        """
    ).fetchone()
    assert row is not None
    assert row[:2] == (401, 400)  # and its own device
    assert row[2] > 200
    truth = sizes(company, "identifier in ('support-desk', 'helpdesk@product.example')")
    assert set(truth.values()) == {(5, 1)}
    visited = """
        select count(distinct people.identifier) from truth.people as people
        where people.identifier_type = 'anonymous_id' and people.true_account <> 'vendor'
            and people.true_person like 'support%'
    """
    assert value(company, visited) == 0


def test_all_further_calls_arrive_within_the_year(company: duckdb.DuckDBPyConnection) -> None:
    arrived = """
        select count(distinct email) from segment.identifies where user_id like 'store-%'
    """
    promised = "select count(distinct true_person) from truth.people where identifier like 'store-%'"
    assert value(company, arrived) == value(company, promised)


def test_truth_names_everybody_who_gave_an_identifier(company: duckdb.DuckDBPyConnection) -> None:
    """Whoever identifies with an own address and another identifier is among the true people of that identifier."""
    for kind in ("anonymous_id", "user_id", "store_id"):
        query = f"""
            with own_addresses as (
                select identifier, min(true_person) as true_person from truth.people
                where identifier_type = 'email' group by identifier having count(*) = 1
            ),
            seen as (
                select distinct calls.{kind} as identifier, own_addresses.true_person
                from segment.identifies as calls
                inner join own_addresses on calls.email = own_addresses.identifier
                where calls.{kind} is not null
            )
            select count(*) from seen anti join truth.people as truth
                on truth.identifier_type = '{kind}' and truth.identifier = seen.identifier
                and truth.true_person = seen.true_person
        """
        assert value(company, query) == 0, kind


def test_truth_has_one_row_per_identifier_and_person(company: duckdb.DuckDBPyConnection) -> None:
    people = "select count(*) - count(distinct (identifier_type, identifier, true_person)) from truth.people"
    accounts = "select count(*) - count(distinct (identifier_type, identifier)) from truth.account_identifiers"
    assert value(company, people) == 0
    assert value(company, accounts) == 0


def test_call_ids_stay_unique_and_users_hold_their_latest_traits(company: duckdb.DuckDBPyConnection) -> None:
    tables = ("tracks", "pages", "identifies", "groups", "aliases")
    union = " union all ".join(f"select distinct id from segment.{table}" for table in tables)
    assert value(company, f"select count(*) - count(distinct id) from ({union})") == 0
    signed_in = "select count(*), sum(hash(id, uuid_ts)::hugeint) from segment.{} {}"
    assert (
        company.execute(signed_in.format("signed_in", "")).fetchone()
        == company.execute(signed_in.format("tracks", "where event = 'signed_in'")).fetchone()
    )
    assert value(company, "select count(*) - count(distinct id) from segment.users") == 0
    newer = """
        select count(*) from segment.users as known
        join segment.identifies as calls on calls.user_id = known.id and known.id <> 'support-desk'
        where calls.email <> known.email and calls.received_at > known.received_at
            and calls.timestamp > (
                select max(latest.timestamp) from segment.identifies as latest
                where latest.user_id = known.id and latest.email = known.email)
    """
    assert value(company, newer) == 0
