"""The chain of ties behind an identifier, and finding who is meant, without dbt."""

from datetime import datetime
from pathlib import Path

import pytest

from orchestration.identity_explanation import (
    END_OF_TIME,
    Tie,
    UnknownIdentity,
    chains_to_oldest,
    ended_ties,
    explain_identity,
    find_identity,
)
from warehouse.connection import Backend, open_working

MAY = datetime(2026, 5, 1)  # noqa: DTZ001 - times in the warehouse are UTC without a zone
TABLES = """
create schema identity;
create table identity.identifiers (node varchar, identifier_type varchar, identifier varchar, first_seen_at timestamp);
create table identity.person_identifiers (person_id varchar, node varchar);
create table identity.persons (person_id varchar, name varchar);
create table identity.organisation_identifiers (node varchar, identifier_type varchar, identifier varchar);
create table identity.observed_identifiers (observation_id varchar, node varchar);
create table identity.identity_edges (
    left_node varchar, right_node varchar, rule varchar, source varchar, available_at timestamp, known_until timestamp
);
create table identity.identity_quarantine (
    identifier_type varchar, identifier varchar, refused_because varchar, refused_links bigint,
    first_refused_at timestamp
);
create table identity.accounts (account_id varchar, name varchar, kind varchar);
create table identity.account_members (
    account_id varchar, person_id varchar, matched_by varchar, confidence double, available_at timestamp
);
create table identity.identifier_accounts (
    node varchar, organisation_node varchar, account_id varchar, available_at timestamp
);
insert into identity.identifiers values
    ('anonymous_id:laptop', 'anonymous_id', 'laptop', '2026-05-01'),
    ('user_id:7', 'user_id', '7', '2026-05-02'),
    ('email:ann@north.example', 'email', 'ann@north.example', '2026-05-02'),
    ('crm_contact_id:7', 'crm_contact_id', '7', '2026-05-03'),
    ('anonymous_id:kiosk', 'anonymous_id', 'kiosk', '2026-05-01'),
    ('email:info@north.example', 'email', 'info@north.example', '2026-05-01');
insert into identity.person_identifiers values
    ('per_ann', 'anonymous_id:laptop'), ('per_ann', 'user_id:7'), ('per_ann', 'email:ann@north.example'),
    ('per_other', 'crm_contact_id:7');
insert into identity.persons values ('per_ann', 'Ann'), ('per_other', null);
insert into identity.observed_identifiers values ('1', 'user_id:7'), ('1', 'email:info@north.example');
insert into identity.identity_edges values
    ('anonymous_id:laptop', 'user_id:7', 'identify', 'segment', '2026-05-02', '9999-12-31'),
    ('email:ann@north.example', 'user_id:7', 'identify', 'segment', '2026-05-02', '9999-12-31'),
    ('anonymous_id:kiosk', 'user_id:7', 'track', 'segment', '2026-05-02', '2026-05-09');
insert into identity.identity_quarantine values
    ('anonymous_id', 'kiosk', 'shared by too many people', 3, '2026-05-09'),
    ('email', 'info@north.example', 'a mailbox of many', 1, '2026-05-01');
insert into identity.accounts values ('acc_north', 'North', 'company');
insert into identity.account_members values ('acc_north', 'per_ann', 'corporate_domain', 0.9, '2026-05-02');
insert into identity.identifier_accounts values
    ('email:ann@north.example', 'domain:north.example', 'acc_north', '2026-05-02');
"""


@pytest.fixture
def backend(tmp_path: Path):
    with open_working(tmp_path) as opened:
        opened.con.execute(TABLES)
        yield opened


def tie(left: str, right: str, day: int, *, until: datetime = END_OF_TIME) -> Tie:
    return Tie(left, right, "identify", "segment", MAY.replace(day=day), until)


def test_the_shortest_chain_is_shown_and_of_equal_ones_the_earlier():
    direct = tie("d", "a", 9)
    early, late = tie("b", "a", 2), tie("c", "a", 3)
    ties = [early, late, tie("e", "b", 5), tie("e", "c", 4), tie("d", "b", 1), direct]

    chains = chains_to_oldest(["a", "b", "c", "d", "e"], ties)

    assert chains == {"a": (), "b": (early,), "c": (late,), "d": (direct,), "e": (tie("e", "c", 4), late)}


def test_a_tie_that_has_ended_is_walked_only_where_nothing_else_leads():
    ended = tie("b", "a", 1, until=MAY.replace(day=2))
    around = [tie("b", "c", 3), tie("c", "a", 3)]

    assert chains_to_oldest(["a", "b", "c"], [ended, *around])["b"] == tuple(around)
    assert chains_to_oldest(["a", "b"], [ended])["b"] == (ended,)
    assert ended_ties([ended, tie("b", "a", 9)]) == []


def test_ties_to_somebody_else_lead_nowhere():
    assert chains_to_oldest(["a", "b"], [tie("b", "stranger", 1), tie("stranger", "a", 1)])["b"] == ()


def test_a_person_is_explained_whole(backend: Backend):
    found = explain_identity(backend, "ann@north.example")

    assert found.person is not None
    assert found.person["name"] == "Ann"
    assert list(found.chains) == ["anonymous_id:laptop", "email:ann@north.example", "user_id:7"]
    assert [(link.left, link.right) for link in found.chains["email:ann@north.example"]] == [
        ("email:ann@north.example", "user_id:7"),
        ("anonymous_id:laptop", "user_id:7"),
    ]
    assert [(link.left, link.until.day) for link in found.ended] == [("anonymous_id:kiosk", 9)]
    assert [(row["account_id"], row["confidence"], row["evidence"]) for row in found.accounts] == [
        ("acc_north", 0.9, "email:ann@north.example → domain:north.example")
    ]
    assert [row["identifier"] for row in found.refused] == ["info@north.example", "kiosk"]


def test_an_identifier_that_is_nobodys_is_explained_too(backend: Backend):
    found = explain_identity(backend, "anonymous_id:kiosk")

    assert found.person is None
    assert found.accounts == []
    assert [row["refused_because"] for row in found.refused] == ["shared by too many people"]
    assert [link.right for link in found.ended] == ["user_id:7"]


@pytest.mark.parametrize(
    "wanted", ["per_ann", "user_id:7", "USER_ID:7", "laptop", "Ann@North.example", "email:ann@north.example"]
)
def test_a_person_is_found_by_id_by_identifier_and_by_value(backend: Backend, wanted: str):
    assert find_identity(backend, wanted)[0] == "per_ann"


def test_a_value_of_two_types_is_listed_not_guessed(backend: Backend):
    with pytest.raises(UnknownIdentity, match=r"user_id:7 \(per_ann\), crm_contact_id:7 \(per_other\)"):
        find_identity(backend, "7")


def test_an_unknown_one_comes_with_near_matches(backend: Backend):
    with pytest.raises(UnknownIdentity, match=r"identifier is 'ann@nort\.example'\. Close: email:ann@north\.example"):
        find_identity(backend, "ann@nort.example")


def test_an_unresolved_warehouse_says_what_to_do(tmp_path: Path):
    with open_working(tmp_path / "empty") as empty, pytest.raises(UnknownIdentity, match="pql run"):
        explain_identity(empty, "per_ann")
