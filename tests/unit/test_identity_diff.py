"""Two published files made by hand: what would move, merge and split between them, counted as the module says."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import pytest

from orchestration.identity_diff import Change, Difference, Fates, Labels, Move, compare

TABLES = """
create schema identity;
create schema features;
create schema scores;
create table identity.identifiers (node varchar, first_seen_at timestamp);
create table identity.person_identifiers (person_id varchar, node varchar);
create table identity.persons (person_id varchar, name varchar, email varchar, identifiers bigint);
create table identity.organisation_reach (node varchar, target varchar);
create table identity.accounts (account_id varchar, name varchar, kind varchar);
create table identity.account_members (
    account_id varchar, person_id varchar, confidence double, available_at timestamp
);
create table identity.identifier_accounts (
    node varchar, account_id varchar, confidence double, available_at timestamp, known_until timestamp
);
create table features.account_labels (account_id varchar, as_of_date date, is_won boolean, amount double);
create schema publishing;
create table publishing.runs (model_version varchar, rules_version varchar);
insert into publishing.runs values ('gb-1', 'rules-1');
create table scores.account_scores (account_id varchar, score integer, grade varchar);
"""

People = Mapping[str, Sequence[str]]
Write = Callable[..., Path]


@pytest.fixture
def published(tmp_path: Path) -> Write:
    """Writes a published file from what each person and company holds."""

    def write(
        name: str,
        people: People,
        companies: Mapping[str, Sequence[str]],
        members: Mapping[str, str],
        labels: Sequence[tuple[str, bool, float | None]] = (),
        scores: Mapping[str, tuple[int, str]] | None = None,
    ) -> Path:
        path = tmp_path / f"{name}.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute(TABLES)
            for person, nodes in people.items():
                connection.execute("insert into identity.persons values (?, ?, null, ?)", [person, None, len(nodes)])
                for node in nodes:
                    connection.execute("insert into identity.identifiers values (?, timestamp '2026-01-01')", [node])
                    connection.execute("insert into identity.person_identifiers values (?, ?)", [person, node])
            for company, nodes in companies.items():
                connection.execute("insert into identity.accounts values (?, ?, 'company')", [company, company.title()])
                for node in nodes:
                    connection.execute("insert into identity.organisation_reach values (?, ?)", [node, company])
            for person, account in members.items():
                connection.execute(
                    "insert into identity.account_members values (?, ?, 0.9, timestamp '2026-01-01')", [account, person]
                )
                if account in companies:
                    connection.execute(
                        "insert into identity.identifier_accounts values "
                        "(?, ?, 0.9, timestamp '2026-01-01', timestamp '9999-12-31')",
                        [people[person][0], account],
                    )
                else:
                    connection.execute("insert into identity.accounts values (?, ?, 'individual')", [account, account])
            for account, is_won, amount in labels:
                connection.execute(
                    "insert into features.account_labels values (?, date '2026-03-01', ?, ?)", [account, is_won, amount]
                )
            for account, (score, grade) in (scores or {}).items():
                connection.execute("insert into scores.account_scores values (?, ?, ?)", [account, score, grade])
        return path

    return write


PEOPLE: dict[str, list[str]] = {
    "per_ann": ["user_id:ann", "email:ann@north.example"],
    "per_bob": ["user_id:bob", "email:bob@north.example", "anonymous_id:phone"],
    "per_cid": ["user_id:cid", "email:cid@south.example"],
}
COMPANIES: dict[str, list[str]] = {
    "acc_north": ["domain:north.example", "workspace:n1", "workspace:n2"],
    "acc_south": ["domain:south.example", "workspace:s1"],
}
MEMBERS = {"per_ann": "acc_north", "per_bob": "acc_north", "per_cid": "acc_south"}


@pytest.fixture
def against_the_usual(published: Write) -> Callable[..., Difference]:
    """Compares the company of two accounts and three people with what it is given."""

    def against(
        people: People = PEOPLE, companies: People = COMPANIES, members: Mapping[str, str] = MEMBERS
    ) -> Difference:
        return compare(published("before", PEOPLE, COMPANIES, MEMBERS), published("after", people, companies, members))

    return against


def test_the_same_twice_is_no_difference(against_the_usual: Callable[..., Difference]):
    difference = against_the_usual()

    assert difference.is_empty
    assert difference.sentence == "Nothing would change."
    assert difference.fates["person"] == Fates(before=3, after=3, merged=0, split=0, new=0, gone=0)


def test_an_id_that_changed_with_the_oldest_identifier_is_no_difference(against_the_usual: Callable[..., Difference]):
    people = {"per_renamed": PEOPLE["per_ann"], "per_bob": PEOPLE["per_bob"], "per_cid": PEOPLE["per_cid"]}
    companies = {"acc_renamed": COMPANIES["acc_north"], "acc_south": COMPANIES["acc_south"]}
    members = {"per_renamed": "acc_renamed", "per_bob": "acc_renamed", "per_cid": "acc_south"}

    assert against_the_usual(people, companies, members).is_empty


def test_people_who_change_company_are_counted_and_shown(against_the_usual: Callable[..., Difference]):
    difference = against_the_usual(members=MEMBERS | {"per_bob": "acc_south"})

    assert difference.sentence == "Moves 1 person."
    assert difference.moves == [Move("anonymous_id:phone", "Acc_North (acc_north)", "Acc_South (acc_south)")]


def test_a_company_that_is_merged_takes_its_people_along(against_the_usual: Callable[..., Difference]):
    companies = {"acc_north": [*COMPANIES["acc_north"], *COMPANIES["acc_south"]]}

    difference = against_the_usual(companies=companies, members=dict.fromkeys(PEOPLE, "acc_north"))

    assert difference.sentence == "Merges 1 account."
    assert difference.changes == [
        Change("account", "merged", "Acc_South (acc_south)", "Acc_North (acc_north)", identifiers=2)
    ]


def test_a_workspace_that_becomes_a_company_is_a_split_and_nobody_moved(against_the_usual: Callable[..., Difference]):
    companies = {**COMPANIES, "acc_north": ["domain:north.example", "workspace:n1"], "acc_west": ["workspace:n2"]}

    difference = against_the_usual(companies=companies, members=MEMBERS | {"per_bob": "acc_west"})

    assert difference.sentence == "Splits off 1 account."
    assert [(change.change, change.destination) for change in difference.changes] == [("split", "Acc_West (acc_west)")]


def test_people_are_merged_and_lose_identifiers(against_the_usual: Callable[..., Difference]):
    people = {
        "per_ann": [*PEOPLE["per_ann"], *PEOPLE["per_cid"], "anonymous_id:new"],
        "per_bob": ["user_id:bob", "email:bob@north.example"],
    }
    difference = against_the_usual(people, members={"per_ann": "acc_north", "per_bob": "acc_north"})

    assert difference.fates["person"] == Fates(before=3, after=2, merged=1, split=0, new=0, gone=0)
    assert difference.moves == [Move("anonymous_id:phone", "per_bob", "nobody")]
    assert difference.sentence == "Merges 1 person, moves 1 identifier."
    assert difference.arrived == 1


def test_people_are_split(against_the_usual: Callable[..., Difference]):
    people = PEOPLE | {"per_bob": ["user_id:bob", "email:bob@north.example"], "per_phone": ["anonymous_id:phone"]}
    assert against_the_usual(people).sentence == "Splits off 1 person."


def test_an_identifier_that_goes_from_one_to_another_moved(against_the_usual: Callable[..., Difference]):
    people = PEOPLE | {
        "per_ann": [*PEOPLE["per_ann"], "anonymous_id:phone"],
        "per_bob": ["user_id:bob", "email:bob@north.example"],
    }
    difference = against_the_usual(people)

    assert difference.sentence == "Moves 1 identifier."
    assert difference.moves == [Move("anonymous_id:phone", "per_bob", "per_ann")]


def test_somebody_without_a_company_who_joins_one_moved(published: Write):
    before = published("before", PEOPLE, COMPANIES, MEMBERS | {"per_ann": "ind_ann"})
    after = published("after", PEOPLE, COMPANIES, MEMBERS)

    difference = compare(before, after)

    assert difference.sentence == "Moves 1 person, drops 1 account."
    assert difference.moves[0].origin == "ind_ann (ind_ann)"


def test_new_and_gone_are_those_that_share_nothing(against_the_usual: Callable[..., Difference]):
    people = {"per_ann": PEOPLE["per_ann"], "per_bob": PEOPLE["per_bob"], "per_dan": ["user_id:dan"]}
    companies = {"acc_north": COMPANIES["acc_north"], "acc_west": ["domain:west.example"]}

    difference = against_the_usual(people, companies, {"per_ann": "acc_north", "per_bob": "acc_north"})

    assert difference.sentence == "Adds 1 person, drops 1 person, adds 1 account, drops 1 account."


def test_labels_grades_and_scores_follow_the_account_whatever_its_id(published: Write):
    renamed = {"acc_renamed": COMPANIES["acc_north"], "acc_south": COMPANIES["acc_south"]}
    members = {"per_ann": "acc_renamed", "per_bob": "acc_renamed", "per_cid": "acc_south"}
    before = published(
        "before", PEOPLE, COMPANIES, MEMBERS,
        labels=[("acc_north", True, 10.0), ("acc_south", False, None)],
        scores={"acc_north": (80, "A"), "acc_south": (20, "D")},
    )  # fmt: skip
    after = published(
        "after", PEOPLE, renamed, members,
        labels=[("acc_renamed", True, 12.0), ("acc_south", False, None)],
        scores={"acc_renamed": (60, "B"), "acc_south": (21, "D")},
    )  # fmt: skip

    difference = compare(before, after)

    assert difference.labels == Labels(accounts=1, won_before=1, won_after=1)
    assert difference.grades == [("A", "B", 1), ("D", "D", 1)]
    assert difference.sentence == "Changes the label of 1 account, flips 1 grade, changes 2 scores."


def test_the_largest_are_listed_before_and_after(against_the_usual: Callable[..., Difference]):
    largest = against_the_usual(members=MEMBERS | {"per_bob": "acc_south"}).largest

    assert largest["identifiers of a person"][0][0] == ("(per_bob)", 3)
    assert largest["people of an account"] == (
        [("Acc_North (acc_north)", 2), ("Acc_South (acc_south)", 1)],
        [("Acc_South (acc_south)", 2), ("Acc_North (acc_north)", 1)],
    )


def test_another_model_is_told_since_it_moves_scores_of_accounts_that_nothing_happened_to(published: Write):
    before = published("before", PEOPLE, COMPANIES, MEMBERS)
    after = published("after", PEOPLE, COMPANIES, MEMBERS)
    assert not compare(before, after).is_retrained

    with duckdb.connect(str(after)) as connection:
        connection.execute("update publishing.runs set model_version = 'gb-2'")

    assert compare(before, after).is_retrained
