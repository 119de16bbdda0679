"""What `pql doctor` says of identity, on a warehouse made by hand: phones are people's, store ids are not."""

from pathlib import Path

import pytest

from orchestration.doctor import Finding, examine
from warehouse.connection import Backend, open_working

TABLES = """
create schema identity;
create table identity.identifiers (node varchar, identifier_type varchar, records bigint, is_blocked boolean);
create table identity.identifier_cuts (node varchar, cut_from timestamp, cut_until timestamp);
create table identity.identity_edges (left_node varchar, right_node varchar, known_until timestamp);
create table identity.identity_quarantine (
    identifier_type varchar, identifier varchar, refused_because varchar, refused_links bigint, identities bigint,
    example varchar
);
"""


@pytest.fixture
def backend(tmp_path: Path):
    with open_working(tmp_path) as opened:
        opened.con.execute(TABLES)
        yield opened


def seen(backend: Backend, identifier_type: str, values: int, cut: int, records: int = 2) -> None:
    """So many values in so many records each, of which so many are cut for 5 people, and the others tie one person."""
    for number in range(values):
        node = f"{identifier_type}:{number:02}"
        backend.con.execute(
            "insert into identity.identifiers values (?, ?, ?, false)", [node, identifier_type, records]
        )
        if number < cut:
            backend.con.execute(
                "insert into identity.identifier_cuts values (?, timestamp '2026-01-01', timestamp '9999-12-31')",
                [node],
            )
            backend.con.execute(
                "insert into identity.identity_quarantine values (?, ?, 'shared by too many', 6, ?, 'user_id:1')",
                [identifier_type, f"{number:02}", 5 + number],
            )
        else:
            backend.con.execute(
                "insert into identity.identity_edges values (?, 'user_id:1', timestamp '9999-12-31')", [node]
            )


def warnings_of(backend: Backend, folder: Path) -> list[Finding]:
    backend.disconnect()
    return [finding for finding in examine(folder) if "tell people apart" in finding.what]


def test_a_type_whose_values_are_mostly_shared_is_flagged_with_its_figures(backend: Backend, tmp_path: Path):
    seen(backend, "store_id", values=20, cut=10)
    seen(backend, "phone", values=100, cut=2)

    (finding,) = warnings_of(backend, tmp_path)

    assert finding.level == "warning"
    assert finding.what == (
        "store_id does not tell people apart: 50% of its 20 repeated values (of 20 seen) would join several people, "
        "86% of its links are cut; the worst is 09 with 14"
    )
    assert "Remove the row store_id from identity_rules.csv" in finding.remedy


@pytest.mark.parametrize(("values", "cut", "is_flagged"), [(20, 4, False), (20, 5, True), (19, 19, False)])
def test_a_type_is_flagged_above_a_fifth_of_at_least_twenty_values(
    backend: Backend, tmp_path: Path, values: int, cut: int, is_flagged: bool
):
    seen(backend, "store_id", values, cut)

    assert bool(warnings_of(backend, tmp_path)) == is_flagged


def test_values_that_came_once_do_not_hide_the_others(backend: Backend, tmp_path: Path):
    seen(backend, "store_id", values=20, cut=10)
    backend.con.execute(
        "insert into identity.identifiers select 'store_id:once ' || range, 'store_id', 1, false from range(1000)"
    )

    (finding,) = warnings_of(backend, tmp_path)

    assert "50% of its 20 repeated values (of 1,020 seen)" in finding.what


def test_what_is_refused_is_counted_with_the_worst_of_each_reason(backend: Backend, tmp_path: Path):
    seen(backend, "phone", values=3, cut=3)
    backend.con.execute(
        """
        insert into identity.identity_quarantine
        values ('email', 'info@north.example', 'a mailbox of many', 0, null, null)
        """
    )
    backend.disconnect()

    said = [finding.what for finding in examine(tmp_path) if "tie nobody" in finding.what]

    assert said == [
        "3 of type phone tie nobody: shared by too many (18 links; such as 00 with 6 others, one of them user_id:1)",
        "1 of type email tie nobody: a mailbox of many (0 links; such as info@north.example)",
    ]
