"""Who gets an account, and until when: the SQL of the models against a plain reading, minute by minute."""

import hashlib
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tests.unit.rendered_models import WARNING, rendered

pytestmark = pytest.mark.filterwarnings(WARNING)

ZONES = ("UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Sydney")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONDAY = datetime(2026, 6, 1)  # noqa: DTZ001 - the warehouse keeps UTC without a zone


@pytest.fixture
def warehouse():
    with duckdb.connect() as connection:
        connection.execute("create table runs (run_id varchar, status varchar, started_at timestamp)")
        connection.execute("create table settings (setting varchar, value varchar)")
        connection.execute("create table routing_rules (position integer, sla_hours integer)")
        connection.execute(
            """
            create table owners (
                owner varchar, email varchar, role varchar, countries varchar, minimum_employees bigint,
                maximum_employees bigint, weekly_slots integer, time_zone varchar, working_days varchar,
                works_from varchar, works_until varchar
            )
            """
        )
        connection.execute(
            """
            create table workable_accounts_by_run (
                run_id varchar, account_id varchar, score integer, employees bigint, country varchar,
                owner_role varchar, is_kept_by_crm_owner boolean, override_owner varchar
            )
            """
        )
        connection.execute(
            """
            create table owner_assignments (
                run_id varchar, account_id varchar, owner_role varchar, owner varchar, assigned_at timestamp
            )
            """
        )
        yield connection


def end_of_working_time(started_at: datetime, hours: int, zone: str, days: str, start: str, end: str) -> datetime:
    """Walk on in steps of five minutes and count those that lie in working hours of the owner's own clock."""
    moment, left = started_at.replace(tzinfo=UTC), 60 * hours
    while left:
        local = moment.astimezone(ZoneInfo(zone))
        works = DAYS[local.weekday()] in days.split("|") and start <= f"{local:%H:%M}" < end
        moment += timedelta(minutes=5)
        left -= 5 * works
    return moment.replace(tzinfo=None)


def test_deadlines_are_those_that_counting_minutes_finds(warehouse: duckdb.DuckDBPyConnection):
    draw = random.Random(5)  # noqa: S311
    warehouse.execute("insert into settings values ('office_hours', 'Sat|Sun 22:30-23:00 UTC')")
    warehouse.execute("insert into routing_rules values (1, 1), (2, 4), (3, 4), (4, 19), (5, null)")
    owners = {"*": ("UTC", "Sat|Sun", "22:30", "23:00")}
    for number in range(20):
        start = draw.randrange(4, 20)  # no clock changes while anybody works
        hours = (f"{start:02}:{draw.choice((0, 15, 30)):02}", f"{draw.randrange(start + 1, 24):02}:45")
        days = "|".join(sorted(draw.sample(DAYS, draw.randint(1, 7)), key=DAYS.index))
        owners[f"owner {number}"] = (draw.choice(ZONES), days, *hours)
    for owner, row in owners.items():
        if owner != "*":
            warehouse.execute(
                "insert into owners (owner, time_zone, working_days, works_from, works_until) values (?, ?, ?, ?, ?)",
                (owner, *row),
            )
    # The clocks of Europe and America change on different Sundays; one run starts in the night of each.
    for started_at in (datetime(2026, 3, 6, 16, 20), datetime(2026, 10, 23, 23, 55), datetime(2026, 12, 31, 9, 0)):  # noqa: DTZ001
        warehouse.execute("delete from runs")
        warehouse.execute("insert into runs values ('now', 'running', ?)", [started_at + timedelta(microseconds=7)])
        found = warehouse.execute(rendered("activation/owner_deadlines_by_run.sql")).fetchall()

        assert sorted(found) == sorted(
            (owner, hours, end_of_working_time(started_at, hours, *row))
            for owner, row in owners.items()
            for hours in (1, 4, 19)
        )


def given_to(
    accounts: list[dict], owners: list[dict], before: list[tuple[str, str]], used: dict[str, int]
) -> dict[str, str]:
    """The best account first: the closest territory that fits, whoever has the smallest share of the week taken."""
    listed = {owner["owner"] for owner in owners}
    kept = {account: owner for account, owner in before if owner in listed}
    taken, given = dict(used), {}
    for account in sorted(accounts, key=lambda row: (-row["score"], hashed(row["account_id"]))):
        if account["account_id"] in kept or account["is_kept"]:
            continue
        near = [owner for owner in owners if in_territory(account, owner)]
        closest = max(closeness(owner) for owner in near)
        free = [
            owner
            for owner in near
            if closeness(owner) == closest and taken.get(owner["owner"], 0) < owner["weekly_slots"]
        ]
        if free:
            turn = min(
                free, key=lambda owner: ((taken.get(owner["owner"], 0) + 1) / owner["weekly_slots"], owner["owner"])
            )
            taken[turn["owner"]] = taken.get(turn["owner"], 0) + 1
            given[account["account_id"]] = turn["owner"]
    return given


def hashed(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def in_territory(account: dict, owner: dict) -> bool:
    in_country = owner["countries"] == "*" or account["country"] in owner["countries"].split("|")
    low = owner["minimum_employees"]
    return in_country and (low is None or (account["employees"] is not None and account["employees"] >= low))


def closeness(owner: dict) -> int:
    return 2 * (owner["countries"] != "*") + (owner["minimum_employees"] is not None)


@pytest.mark.parametrize("seed", range(12))
def test_accounts_go_to_their_territory_in_turn_and_stay(seed: int, warehouse: duckdb.DuckDBPyConnection):
    draw = random.Random(seed)  # noqa: S311
    territories = (("*", None), ("US|CA", None), ("GB", None), ("US|CA", 100))
    owners = [
        {
            "owner": f"owner {number}",
            "countries": countries,
            "minimum_employees": low,
            "weekly_slots": draw.randint(1, 4),
        }
        for number in range(8)
        for countries, low in [territories[number % 4]]
    ]
    accounts = [
        {
            "account_id": f"acc_{number}",
            "score": draw.randint(60, 70),
            "country": draw.choice(("US", "CA", "GB", "FR", None)),
            "employees": draw.choice((5, 100, 500, None)),
            "is_kept": draw.random() < 0.1,
        }
        for number in range(draw.randint(5, 40))
    ]
    before = [(f"acc_{draw.randrange(40)}", f"owner {draw.randrange(10)}") for _ in range(4)]
    last_week = [draw.random() < 0.5 for _ in before]
    warehouse.execute("insert into runs values ('now', 'running', ?)", [MONDAY + timedelta(days=2)])
    for owner in owners:
        warehouse.execute(
            "insert into owners (owner, role, countries, minimum_employees, weekly_slots) values (?, 'rep', ?, ?, ?)",
            (owner["owner"], owner["countries"], owner["minimum_employees"], owner["weekly_slots"]),
        )
    for account in accounts:
        warehouse.execute(
            "insert into workable_accounts_by_run values ('now', ?, ?, ?, ?, 'rep', ?, null)",
            (account["account_id"], account["score"], account["employees"], account["country"], account["is_kept"]),
        )
    used: dict[str, int] = {}
    for (account_id, owner), was_last_week in zip(before, last_week, strict=True):
        at = MONDAY - timedelta(seconds=1) if was_last_week else MONDAY
        used[owner] = used.get(owner, 0) + (not was_last_week)
        warehouse.execute("insert into owner_assignments values ('then', ?, 'rep', ?, ?)", (account_id, owner, at))

    given = dict(
        warehouse.execute(
            f"select account_id, owner from ({rendered('activation/owner_assignments.sql', this='owner_assignments')})"
        ).fetchall()
    )

    assert given == given_to(accounts, owners, before, used)
    # Run again as if published: whoever has an owner keeps it, and nobody has more than the week allows.
    warehouse.execute(
        "insert into owner_assignments select 'now', unnest(?), 'rep', unnest(?), ?",
        [list(given), list(given.values()), MONDAY + timedelta(days=2)],
    )
    again = warehouse.execute(rendered("activation/owner_assignments.sql", this="owner_assignments")).fetchall()
    assert again == []


def test_whoever_is_gone_hands_on_and_who_comes_takes_nothing(warehouse: duckdb.DuckDBPyConnection):
    warehouse.execute("insert into runs values ('now', 'running', ?)", [MONDAY])
    warehouse.execute(
        """
        insert into owners (owner, role, countries, weekly_slots)
        values ('Ada', 'rep', '*', 9), ('Newcomer', 'rep', '*', 9)
        """
    )
    warehouse.execute(
        """
        insert into workable_accounts_by_run
        select 'now', 'acc_' || n, n, null, null, 'rep', false, null from range(4) as t(n)
        """
    )
    warehouse.execute(
        """
        insert into owner_assignments values
            ('then', 'acc_0', 'rep', 'Ada', '2026-01-01'), ('then', 'acc_1', 'rep', 'Ada', '2026-01-01'),
            ('then', 'acc_2', 'rep', 'Gone', '2026-01-01'), ('then', 'acc_3', 'other role', 'Ada', '2026-01-01')
        """
    )

    assigned = rendered("activation/owner_assignments.sql", this="owner_assignments")
    given = warehouse.execute(f"select account_id, owner from ({assigned}) order by 1").fetchall()

    assert given == [("acc_2", "Newcomer"), ("acc_3", "Ada")]
