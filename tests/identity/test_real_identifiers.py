"""Identifiers that nobody here made, with the clusters that others know to be right."""

import csv
from collections.abc import Callable
from datetime import datetime
from itertools import combinations
from pathlib import Path

import pytest
from conftest import SHARED_DATA, World

pytestmark = pytest.mark.slow

RULES_HEADER = (
    "identifier_type", "priority", "limit_per_identifier", "limit_per_person", "limit_days", "normalisation",
    "properties", "include_pattern", "blocked_pattern",
)  # fmt: skip
LOADED = datetime(2026, 1, 1)  # noqa: DTZ001 - the warehouse keeps UTC without a zone


def shared_rows(path: str) -> list[dict[str, str]]:
    file: Path = SHARED_DATA / path
    if not file.is_file():
        pytest.skip(f"real data {path} is absent; set PQL_SHARED_DATA to the folder that holds it")
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def rule(kind: str, priority: int, normalisation: str = "exact", properties: str = "") -> tuple[object, ...]:
    """A type without limits: here the records are many and the people few."""
    return (kind, priority, None, None, None, normalisation, properties, None, None)


BY_ADDRESS = [rule("email", 1, "email"), rule("record", 9, properties="record")]
BY_MORE_KEYS = [
    *BY_ADDRESS,
    rule("surname_and_birth", 2, "lower", "surname dob"),
    rule("first_name_and_birth", 3, "lower", "first_name dob"),
]


@pytest.mark.parametrize(
    ("rules", "at_least"), [(BY_ADDRESS, 0.33), (BY_MORE_KEYS, 0.57)], ids=["by address", "by more keys"]
)
def test_splink_records_are_joined_without_a_mistake(
    rules: list[tuple], at_least: float, new_world: Callable[..., World], record_property: Callable[[str, object], None]
) -> None:
    records = shared_rows("splink/fake_1000.csv")
    world = new_world("splink", {"identity_rules": [RULES_HEADER, *rules]})
    world.add_events(
        [
            {
                "event_id": record["unique_id"],
                "email": record["email"] or None,
                "available_at": LOADED,
                "properties": {name: record[name] for name in ("first_name", "surname", "dob") if record[name]}
                | {"record": f"r{record['unique_id']}"},
            }
            for record in records
        ]
    )
    world.build("resource_type:seed", "staging", "+person_identifiers")
    person_of = world.person_of()
    true = {record["unique_id"]: record["cluster"] for record in records}
    joined = [
        true[one] == true[other]
        for one, other in combinations(true, 2)
        if person_of[f"record:r{one}"] == person_of[f"record:r{other}"]
    ]
    pairs = sum(true[one] == true[other] for one, other in combinations(true, 2))
    precision, recall = sum(joined) / len(joined), sum(joined) / pairs
    print(f"splink: precision {precision:.4f}, recall {recall:.4f} over {pairs:,} true pairs")
    record_property("recall", recall)
    assert precision == 1.0
    assert recall >= at_least


@pytest.fixture(scope="module")
def snowplow_events() -> list[dict[str, object]]:
    return [
        {
            "event_id": f"{number}",
            "user_id": row["user_id"] or None,
            "anonymous_id": row["domain_userid"] or None,
            "available_at": datetime.fromisoformat(row["collector_tstamp"]),
        }
        for number, row in enumerate(shared_rows("snowplow_web/source/snowplow_web_events.csv"))
    ]


@pytest.fixture(scope="module")
def snowplow_users() -> dict[str, str]:
    """The user that Snowplow's own tests expect for each cookie."""
    rows = shared_rows("snowplow_web/expected/snowplow_web_users_expected.csv")
    return {row["domain_userid"]: row["user_id"] for row in rows}


def test_snowplow_cookies_are_stitched_to_the_users_expected(
    snowplow_events: list[dict], snowplow_users: dict[str, str], new_world: Callable[..., World]
) -> None:
    """Without a limit, as Snowplow stitches: each of the eleven cookies with its user, no two with each other."""
    world = new_world("snowplow", {"identity_rules": [RULES_HEADER, rule("user_id", 1), rule("anonymous_id", 2)]})
    world.add_events(snowplow_events)
    world.build("resource_type:seed", "staging", "+person_identifiers")
    person_of = world.person_of()
    stitched = {cookie: person_of[f"anonymous_id:{cookie}"] for cookie in snowplow_users}
    assert len(snowplow_users) == 11
    assert stitched == {cookie: person_of[f"user_id:{user}"] for cookie, user in snowplow_users.items()}
    assert len(set(stitched.values())) == 11


def test_snowplow_cookie_of_ten_users_is_nobodys_by_the_shipped_rules(
    snowplow_events: list[dict], snowplow_users: dict[str, str], new_world: Callable[..., World]
) -> None:
    """Snowplow gives it to the last user. Ours refuses to guess, and the other ten cookies keep their users."""
    world = new_world("snowplow_limited")
    world.add_events(snowplow_events)
    world.build("resource_type:seed", "staging", "+identity_quarantine", "+person_identifiers")
    refused = world.rows(
        "select identifier, identities, allowed from identity.identity_quarantine "
        "where identifier_type = 'anonymous_id'"
    )
    person_of = world.person_of()
    shared = [cookie for cookie, user in snowplow_users.items() if user.startswith("user stitch")]
    assert refused == [(shared[0], 10, 1)]
    assert {cookie for cookie in snowplow_users if f"anonymous_id:{cookie}" not in person_of} == set(shared)
    assert all(
        person_of[f"anonymous_id:{cookie}"] == person_of[f"user_id:{user}"]
        for cookie, user in snowplow_users.items()
        if cookie not in shared
    )
