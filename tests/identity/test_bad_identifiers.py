"""Identifiers as the world sends them: nothing fails, rubbish joins nobody, and good neighbours come out right."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from conftest import World

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1)  # noqa: DTZ001 - the warehouse keeps UTC without a zone
MEGABYTE = "x" * 1_000_000
OTHER_MEGABYTE = "x" * 999_999 + "y"

WORDS_FOR_NOBODY = [
    "null",
    "NULL",
    " None ",
    "anonymous",
    "n/a",
    "-1",
    "0",
    "000000",
    "0000-0000",
    "undefined",
    "[]",
    "test",
    "test-12",
]
NOT_ADDRESSES = ["ada", "@one.example", "ada@", "a@b@one.example", "ada lovelace@one.example"]
SHARED_MAILBOXES = ["info@one.example", "TEAM@one.example", "no-reply@one.example"]
ODD_BUT_GOOD = [
    "مستخدم",
    "用户-7",
    "👩‍🚀",
    "user with spaces",
    "'; drop table identity.persons; --",
    "{{ user }}",
    "o'brien",
    "a:b|c",
    "%_%",
]
ODD_ADDRESSES = [
    "ada@[192.0.2.1]",
    "ada@[IPv6:2001:db8::1]",
    "ada@xn--bcher-kva.example",
    "ada@bücher.example",
    "ada@host.unlisted-tld",
    "δοκιμή@παράδειγμα.δοκιμή",
]
SAME_USER = ["zoe", " zoe ", "zoe\u200b", "\u202ezoe\u202c", "zoe\ufeff"]  # fmt: skip


def shared_by_two(column: str, values: list[str], name: str) -> list[dict[str, object]]:
    """Each value with two different devices: joined by it, or kept apart because it is refused."""
    return [
        {
            "event_id": f"{name}{number}-{side}",
            column: value,
            "anonymous_id": f"{name}{number}-{side}",
            "available_at": START,
        }
        for number, value in enumerate(values)
        for side in ("left", "right")
    ]


@pytest.fixture(scope="module")
def world(new_world: Callable[..., World]) -> World:
    made = new_world("bad_identifiers")
    made.add_events(
        [
            *shared_by_two("user_id", WORDS_FOR_NOBODY, "word"),
            *shared_by_two("email", NOT_ADDRESSES, "malformed"),
            *shared_by_two("email", SHARED_MAILBOXES, "mailbox"),
            *shared_by_two("user_id", [MEGABYTE, OTHER_MEGABYTE], "overlong"),
            *shared_by_two("user_id", ODD_BUT_GOOD, "odd"),
            *shared_by_two("email", ODD_ADDRESSES, "address"),
            *(
                {"event_id": f"same{number}", "user_id": user, "anonymous_id": f"same{number}", "available_at": START}
                for number, user in enumerate(SAME_USER)
            ),
            {"event_id": "nothing", "available_at": START},
            {"event_id": "blank", "user_id": "", "anonymous_id": "  ", "email": "", "available_at": START},
            *(
                {
                    "event_id": f"circle{step}",
                    "event_type": "alias",
                    "user_id": f"circle{step}",
                    "available_at": START + timedelta(minutes=step),
                    "properties": {"previous_id": f"circle{(step + 1) % 3}"},
                }
                for step in range(3)
            ),
        ]
    )
    made.build()
    return made


@pytest.fixture(scope="module")
def person_of(world: World) -> dict[str, str]:
    return world.person_of()


def joined(person_of: dict[str, str], name: str) -> set[bool]:
    numbers = {
        node.split(":")[1].removeprefix(name).split("-")[0]
        for node in person_of
        if node.startswith(f"anonymous_id:{name}")
    }
    assert numbers, name
    return {
        person_of[f"anonymous_id:{name}{number}-left"] == person_of[f"anonymous_id:{name}{number}-right"]
        for number in numbers
    }


@pytest.mark.parametrize("name", ["word", "malformed", "mailbox", "overlong"])
def test_rubbish_joins_nobody(person_of: dict[str, str], name: str) -> None:
    assert joined(person_of, name) == {False}


@pytest.mark.parametrize("name", ["odd", "address"])
def test_odd_identifiers_join_as_any_other(person_of: dict[str, str], name: str) -> None:
    assert joined(person_of, name) == {True}


def test_what_the_eye_cannot_tell_apart_is_one_user(person_of: dict[str, str]) -> None:
    assert len({person_of[f"anonymous_id:same{number}"] for number in range(len(SAME_USER))}) == 1


def test_aliases_in_a_circle_are_one_person(person_of: dict[str, str]) -> None:
    assert len({person_of[f"user_id:circle{step}"] for step in range(3)}) == 1


def test_refused_identifiers_are_listed_with_their_reason_and_never_at_full_length(world: World) -> None:
    reasons = dict(
        world.rows("select refused_because, count(*) from identity.identity_quarantine group by refused_because")
    )
    distinct_words = len({word.strip() for word in WORDS_FOR_NOBODY})
    assert sum(reasons.values()) == distinct_words + len(NOT_ADDRESSES) + len(SHARED_MAILBOXES) + 2
    assert reasons["longer than 512 characters"] == 2
    assert reasons["a mailbox of many"] == len(SHARED_MAILBOXES)
    assert reasons["not an address"] == len(NOT_ADDRESSES)
    ((longest,),) = world.rows("select max(length(identifier)) from identity.identifiers")
    assert longest < 200


def test_no_company_is_made_of_an_address_that_names_no_domain(world: World) -> None:
    domains = {domain for (domain,) in world.rows("select domain from identity.accounts where kind = 'company'")}
    assert "host.unlisted-tld" in domains
    assert not [domain for domain in domains if "192" in domain or "2001" in domain or domain.startswith("[")]
