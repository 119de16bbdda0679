"""`pql metrics`: any date, by the same SQL, beside what is published."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.metrics_on_demand import SCHEMA, made_beside
from tests.integration.conftest import Installation, rows_of

PUBLISHED_DATE, OTHER_DATE = date(2026, 3, 1), date(2026, 3, 11)


@pytest.fixture(scope="module")
def company(small_company: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return small_company.copied_to(tmp_path_factory.mktemp("on_demand") / "home")


def rows(home: Path, schema: str, table: str) -> list[tuple]:
    with duckdb.connect(str(home / "pql.duckdb"), read_only=True) as connection:
        query = f"select * from {schema}.{table} where as_of_date = ? order by all"
        return connection.execute(query, [PUBLISHED_DATE]).fetchall()


def test_metrics_made_on_demand_equal_those_of_the_job_cell_by_cell(
    company: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PQL_HOME", str(company.home))
    tables = ("account_metrics", "account_signal_metrics")
    by_the_job = {table: rows(company.home, "features", table) for table in tables}

    with made_beside(company.home, PUBLISHED_DATE):
        on_demand = {table: rows(company.home, SCHEMA, table) for table in tables}

    assert all(len(found) > 300 for found in by_the_job.values())
    assert on_demand == by_the_job


def test_asking_for_metrics_changes_nothing(company: Installation):
    account, name = company.working(
        "select account_id, name from identity.accounts where kind = 'company' order by first_seen_at limit 1"
    )[0]
    published, working = company.published(), rows_of(company.home / "pql.duckdb")
    parsed = {path.name: path.read_bytes() for path in (company.home / "target").glob("*.*")}

    by_id = company.pql("metrics", account, "--as-of", str(OTHER_DATE))
    by_name = company.pql("metrics", name, "--as-of", str(PUBLISHED_DATE))

    assert f"as of {OTHER_DATE}" in by_id
    assert f"as of {PUBLISHED_DATE}" in by_name
    assert "decayed_count" in by_id
    assert company.published() == published
    assert rows_of(company.home / "pql.duckdb") == working
    assert {path.name: path.read_bytes() for path in (company.home / "target").glob("*.*")} == parsed


def test_an_account_that_nobody_knew_yet_has_no_metrics(company: Installation):
    account = company.working("select account_id from identity.accounts order by first_seen_at desc limit 1")[0][0]

    assert "nobody knew the account then" in company.pql("metrics", account, "--as-of", "2025-07-15")


def test_an_unknown_account_is_named_with_those_that_are_close(company: Installation):
    assert "no published account" in company.pql("metrics", "acc_nobody", "--as-of", "2026-03-11", expect=2)
