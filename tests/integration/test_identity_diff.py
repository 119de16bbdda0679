"""`pql identity diff`: a whole run with another configuration, of which nothing stays behind."""

import csv
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

from tests.integration.conftest import PROJECT, Installation

FULL = os.environ.get("PQL_TEST_FULL") == "1"


def test_a_dry_run_says_what_an_override_changes_and_leaves_the_home_as_it_was(
    small_company: Installation, tmp_path: Path
):
    one, other = two_colleagues(small_company)
    config = edited(
        tmp_path / "config", overrides=[("join", "user_id", one, "user_id", other, "one woman, two logins")]
    )
    before = contents(small_company.home)

    output = small_company.pql("identity", "diff", "--config", str(config))

    said = output[output.index("  comparing\n") :].splitlines()
    assert said[1].startswith("Merges 1 person"), said[1]
    assert "Largest: identifiers of a person" in output
    assert contents(small_company.home) == before
    assert leftovers(small_company) == []


def test_an_override_that_names_nobody_is_told_with_file_and_line(small_company: Installation, tmp_path: Path):
    one, other = two_colleagues(small_company)
    config = edited(
        tmp_path / "config",
        overrides=[
            ("join", "user_id", one, "user_id", other, "known"),
            ("join", "user_id", one[:-1] + "?", "user_id", other, "a slip"),
        ],
    )
    before = contents(small_company.home)

    output = small_company.pql("identity", "diff", "--config", str(config), expect=1)

    assert "would publish nothing" in output
    told = " ".join(output.split())
    assert f"identity_overrides.csv:3: user_id '{one[:-1]}?' names nobody we know. Did you mean user_id:" in told
    assert contents(small_company.home) == before
    assert leftovers(small_company) == []


@pytest.mark.skipif(not FULL, reason="a whole run; PQL_TEST_FULL=1")
def test_what_is_too_large_is_told_with_what_to_cut(small_company: Installation, tmp_path: Path):
    limits = {"max_identifiers_per_person": "5", "max_identifiers_per_account": "3"}
    config = edited(tmp_path / "config", settings=limits)

    output = small_company.pql("identity", "diff", "--config", str(config), expect=1)

    assert "5 are allowed. What would break it up best:" in output
    assert "more are too large" in output
    assert leftovers(small_company) == []


def two_colleagues(company: Installation) -> tuple[str, str]:
    """The user ids of two known people at one company, the first two in the alphabet."""
    with duckdb.connect(str(company.home / "published" / "pql.duckdb"), read_only=True) as connection:
        row = connection.execute(
            """
            select min(persons.identifier), max(persons.identifier)
            from identity.person_identifiers as persons
            inner join identity.account_members as members on persons.person_id = members.person_id
            where persons.identifier_type = 'user_id' and members.matched_by <> 'individual'
            group by members.account_id
            having count(distinct persons.person_id) >= 2 and count(*) = count(distinct persons.person_id)
            order by 1
            limit 1
            """
        ).fetchone()
    assert row is not None
    return row


def edited(folder: Path, overrides: Iterable[tuple[str, ...]] = (), settings: dict[str, str] | None = None) -> Path:
    """A copy of the shipped configuration with these overrides added and these settings instead."""
    shutil.copytree(PROJECT / "seeds", folder)
    with (folder / "identity_overrides.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(overrides)
    path = folder / "settings.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [[row[0], (settings or {}).get(row[0], row[1]), *row[2:]] for row in csv.reader(file)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return folder


def contents(folder: Path) -> dict[str, str]:
    """The hash of every file of a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def leftovers(company: Installation) -> list[Path]:
    return list(company.home.parent.glob(".pql-dry-run-*"))
