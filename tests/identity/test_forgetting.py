"""Somebody who asked to be forgotten is in no table any more, and what was cut because of them stays cut."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from conftest import World

from orchestration.forgetting import forget_identity
from warehouse.connection import open_working

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1)  # noqa: DTZ001 - the warehouse keeps UTC without a zone
RULES = [
    ("identifier_type", "priority", "limit_per_identifier", "limit_per_person", "limit_days", "normalisation",
     "properties", "include_pattern", "blocked_pattern"),
    ("user_id", 1, "", "", "", "exact", "", "", ""),
    ("email", 2, 1, "", "", "email", "", "", ""),
    ("crm_contact_id", 3, 1, "", "", "exact", "", "", ""),
    ("crm_lead_id", 4, 1, "", "", "exact", "", "", ""),
    ("anonymous_id", 5, 2, "", "", "exact", "", "", ""),
]  # fmt: skip


@pytest.fixture(scope="module")
def world(new_world: Callable[..., World]) -> World:
    """Ann, Bob and Quentin at one kiosk, which may join two and is cut for joining three; then Quentin is forgotten."""
    world = new_world("forgetting", {"identity_rules": RULES})
    world.add_events(
        [
            {
                "event_id": f"{name}-{number}",
                "_row_key": f"{name}-{number}",
                "user_id": name,
                "email": f"{name}@north.example",
                "anonymous_id": device,
                "group_id": "north",
                "available_at": START + timedelta(days=day, hours=number),
            }
            for day, name in enumerate(("ann", "bob", "quentin"))
            for number, device in enumerate(("kiosk", f"laptop-of-{name}"))
        ]
    )
    world.build()
    assert cut(world) == {"anonymous_id:kiosk"}
    with open_working(world.home) as backend:
        forgotten = forget_identity(backend, "quentin@north.example", START + timedelta(days=9), world.config)
    assert sorted(forgotten.identifiers) == [
        "anonymous_id:laptop-of-quentin",
        "email:quentin@north.example",
        "user_id:quentin",
    ]
    assert forgotten.done.kept_cuts == ("anonymous_id:kiosk",)
    world.build()
    return world


def test_no_identity_table_names_somebody_forgotten(world: World):
    tables = world.rows("select table_name from information_schema.tables where table_schema = 'identity'")
    naming = [
        table
        for (table,) in tables
        if world.rows(
            f"select 1 from identity.\"{table}\" as entry where contains(cast(entry as varchar), 'quentin') limit 1"
        )
    ]

    assert len(tables) > 20
    assert naming == []


def test_a_kiosk_that_was_cut_for_three_stays_cut_when_one_of_them_is_forgotten(world: World):
    people = world.person_of()

    assert cut(world) == {"anonymous_id:kiosk"}
    assert "anonymous_id:kiosk" not in people
    assert people["user_id:ann"] != people["user_id:bob"]


def cut(world: World) -> set[str]:
    return {
        node
        for (node,) in world.rows("select node from identity.identifier_cuts where cut_until >= timestamp '9999-12-31'")
    }
