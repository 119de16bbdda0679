"""What a failed run says about identity: which tie to cut of what is too large, which override names nobody."""

from pathlib import Path

import pytest

from orchestration.configuration import FILES
from orchestration.identity_failures import explanations
from warehouse.connection import Backend, open_working

TABLES = """
create schema identity;
create table identity.identifiers (node varchar, identifier_type varchar, identifier varchar);
create table identity.organisation_identifiers (node varchar, identifier_type varchar, identifier varchar);
create table identity.person_identifiers (person_id varchar, node varchar);
create table identity.identity_edges (left_node varchar, right_node varchar, rule varchar, known_until timestamp);
create table identity.organisation_reach (node varchar, target varchar);
create table identity.organisation_edges (left_node varchar, right_node varchar, rule varchar);
insert into identity.identifiers values
    ('email:ann@north.example', 'email', 'ann@north.example'), ('user_id:12345678', 'user_id', '12345678');
insert into identity.organisation_identifiers values ('domain:north.example', 'domain', 'north.example');
"""


@pytest.fixture
def home(tmp_path: Path):
    with open_working(tmp_path) as backend:
        backend.con.execute(TABLES)
        two_crowds(backend)
    return tmp_path


def two_crowds(backend: Backend) -> None:
    """Person per_1: ten browsers of Ann and twelve of Bob, and one record that ties Ann's user id to Bob's."""
    ties = [(f"anonymous_id:a{number}", "user_id:ann", "identify") for number in range(10)]
    ties += [(f"anonymous_id:b{number}", "user_id:bob", "identify") for number in range(12)]
    ties += [("user_id:ann", "user_id:bob", "alias")]
    for left, right, rule in ties:
        backend.con.execute("insert into identity.identity_edges values (?, ?, ?, '9999-12-31')", [left, right, rule])
    for node in {end for left, right, _ in ties for end in (left, right)}:
        backend.con.execute("insert into identity.person_identifiers values ('per_1', ?)", [node])
    backend.con.execute(
        "insert into identity.identity_edges values ('anonymous_id:a0', 'user_id:bob', 'track', '2026-01-01')"
    )


def failed(test: str, rows: str) -> dict:
    result = {"unique_id": f"test.pql_scoring.{test}", "status": "fail", "compiled_code": rows}
    passed = {"unique_id": "test.pql_scoring.another", "status": "pass", "compiled_code": "select 1"}
    return {"results": [passed, result]}


def overrides(folder: Path, *lines: str) -> Path:
    folder.mkdir()
    text = "\n".join([",".join(FILES["identity_overrides"]), *lines])
    (folder / "identity_overrides.csv").write_text(text, encoding="utf-8")
    return folder


def test_the_tie_between_two_crowds_is_named_first_with_the_remedy(home: Path):
    rows = "select 'person' as kind, 'per_1' as id, 24 as identifiers, 20 as most_identifiers"

    said = explanations(failed("no_person_or_account_is_too_large", rows), home, home)

    assert said[:3] == [
        "person per_1 holds 24 identifiers; 20 are allowed. What would break it up best:",
        "  tie user_id:ann - user_id:bob (alias): the largest piece left has 13",
        "  identifier user_id:bob (13 ties): the largest piece left has 11",
    ]
    assert len(said) == 7
    assert "blocked_identifiers.csv" in said[-1]
    assert "identity_overrides.csv" in said[-1]


def test_three_are_explained_and_the_rest_are_counted_the_largest_first(home: Path):
    rows = (
        "select 'account' as kind, 'acc_' || range as id, range as identifiers, 2 as most_identifiers from range(3, 8)"
    )

    said = explanations(failed("no_person_or_account_is_too_large", rows), home, home)

    assert [line.split()[1] for line in said if line.startswith("account")] == ["acc_7", "acc_6", "acc_5"]
    assert said[-1] == "2 more are too large."


def test_an_override_that_names_nobody_is_told_with_file_line_and_near_matches(home: Path, tmp_path: Path):
    config = overrides(
        tmp_path / "config",
        "join,email,ann@north.example,domain,north.example,fine",
        "join,email, ann@nort.example,domain,north.example,a slip",
        "separate,email,12345678,email,ann@north.example,of another type",
        "join,email,zoe@elsewhere.example,domain,qqqqqq.xx,unlike any",
    )
    rows = """
        select 'email' as identifier_type, 'ann@nort.example' as identifier
        union all select 'email', '12345678'
        union all select 'email', 'zoe@elsewhere.example'
        union all select 'domain', 'qqqqqq.xx'
    """

    said = explanations(failed("every_override_names_somebody", rows), home, config)

    unlike_any = "Remove the line, or load the records that name it"
    unless = "Otherwise remove the line"
    assert [line.removeprefix(f"{config / 'identity_overrides.csv'}:") for line in said] == [
        f"3: email 'ann@nort.example' names nobody we know. Did you mean email:ann@north.example? {unless}",
        f"4: email '12345678' names nobody we know. Did you mean user_id:12345678? {unless}",
        f"5: email 'zoe@elsewhere.example' names nobody we know. {unlike_any}",
        f"5: domain 'qqqqqq.xx' names nobody we know. {unlike_any}",
    ]


def test_other_failures_need_no_explanation(home: Path):
    assert explanations(failed("another_test", "select 1"), home, home) == []
