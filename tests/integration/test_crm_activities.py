"""Salesforce's tasks and events as Fivetran writes them: what was done, when, and since when that could be known."""

from collections.abc import Callable

import duckdb
import pytest

from tests.integration.conftest import SHARED_DATA

SEEDS = SHARED_DATA / "fivetran_salesforce_seeds"

TASKS = """
    create table salesforce.task as
    select * from (values
        ('logged',    'a', '003k', 'Completed',   false, date '2026-01-05', null, timestamp '2026-01-09 10:00', null),
        ('to do',     'a', '003k', 'Not Started', false, date '2026-01-05', null, timestamp '2026-01-01 10:00', null),
        ('due later', 'a', '00Qk', 'Completed',   false, date '2026-03-01', null, timestamp '2026-01-01 10:00', null),
        ('completed', null, '00Qk', 'Completed',  false, date '2026-03-01', timestamp '2026-02-01 09:00',
            timestamp '2026-01-01 10:00', null),
        ('deleted',   'a', null,   'completed',   true,  date '2026-01-05', null, timestamp '2026-01-05 10:00',
            timestamp '2026-01-20 08:00')
    ) as rows(id, account_id, who_id, status, is_deleted, activity_date, completed_date_time, created_date,
        last_modified_date)
"""
EVENTS = """
    create table salesforce.event as
    select * from (values
        ('meeting',    'a', false, false, timestamp '2026-02-10 15:00', timestamp '2026-01-01 10:00'),
        ('copy',       'a', true,  false, timestamp '2026-02-10 15:00', timestamp '2026-01-01 10:00'),
        ('series',     'a', false, true,  timestamp '2026-02-10 15:00', timestamp '2026-01-01 10:00'),
        ('afterwards', 'a', false, false, timestamp '2026-02-10 15:00', timestamp '2026-02-12 10:00')
    ) as rows(id, account_id, is_child, is_recurrence, start_date_time, created_date)
"""


@pytest.fixture(scope="module")
def staged(dbt: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[tuple]]:
    """Loads statements into a new warehouse, stages the activities and reads them."""

    def stage(*statements: str) -> list[tuple]:
        home = tmp_path_factory.mktemp("crm")
        with duckdb.connect(str(home / "pql.duckdb")) as connection:
            connection.execute("create schema salesforce")
            for statement in statements:
                connection.execute(statement)
        dbt(home, "run", "--quiet", "--select", "stg_salesforce__activities")
        with duckdb.connect(str(home / "pql.duckdb"), read_only=True) as connection:
            return connection.execute(
                "select activity_id, crm_account_id, crm_contact_id, crm_lead_id, cast(occurred_at as varchar), "
                "cast(available_at as varchar), cast(deleted_available_at as varchar) "
                "from staging.stg_salesforce__activities order by activity_id"
            ).fetchall()

    return stage


def test_a_task_counts_when_it_was_done_and_not_when_it_was_planned(staged: Callable[..., list[tuple]]):
    logged, due, done = "2026-01-09 10:00:00", "2026-03-01 00:00:00", "2026-02-01 09:00:00"
    meeting, written_down = "2026-02-10 15:00:00", "2026-02-12 10:00:00"
    assert staged(TASKS, EVENTS) == [
        ("afterwards", "a", None, None, meeting, written_down, None),
        ("completed", None, None, "00Qk", done, done, None),
        ("deleted", "a", None, None, "2026-01-05 10:00:00", "2026-01-05 10:00:00", "2026-01-20 08:00:00"),
        ("due later", "a", None, "00Qk", due, due, None),
        ("logged", "a", "003k", None, logged, logged, None),
        ("meeting", "a", None, None, meeting, meeting, None),
    ]


def test_the_seeds_that_fivetran_ships_are_staged_whole(staged: Callable[..., list[tuple]]):
    if not SEEDS.is_dir():
        pytest.skip(f"{SEEDS} is absent; set PQL_SHARED_DATA to the folder that holds fivetran_salesforce_seeds")
    rows = staged(
        *(
            f"create table salesforce.{table} as from read_csv('{SEEDS}/sf_{table}_data.csv', header = true)"
            for table in ("task", "event")
        )
    )

    assert len(rows) == 20
    assert len([row for row in rows if row[2]]) == 19
    assert [(row[1], row[3]) for row in rows if row[3]] == [(None, "00Q1G00000nOMcPUAW")]
    assert {(row[4], row[5]) for row in rows} == {("2019-11-11 17:23:34", "2019-11-11 17:23:34")}
    assert not [row for row in rows if row[6]]
