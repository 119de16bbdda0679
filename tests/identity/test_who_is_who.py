"""Two hundred random worlds with all that makes identity hard, against an oracle that reads single observations."""

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from conftest import World
from identity_oracle import Observation, Rule, resolve

pytestmark = pytest.mark.slow

WORLDS = 200
SEED = 20_261_125
START = datetime(2026, 1, 1)  # noqa: DTZ001 - the warehouse keeps UTC without a zone
TODAY = datetime(9999, 1, 1)  # noqa: DTZ001
RULES = {
    "user_id": Rule(1, limit_per_person=2),
    "email": Rule(2, limit_per_identifier=1, limit_per_person=2),
    "phone": Rule(3, limit_per_identifier=2),
    "store_id": Rule(4, limit_per_identifier=1),
    "anonymous_id": Rule(5, limit_per_identifier=1, limit_per_person=3, limit_days=2),
}
RULES_WITHOUT_WINDOWS = RULES | {"anonymous_id": Rule(5, limit_per_identifier=1, limit_per_person=3)}
OWN_TYPES = {"phone": "exact", "store_id": "exact"}
OVERRIDES_HEADER = ("decision", "identifier_type", "identifier", "other_type", "other_identifier", "reason")


def random_world(number: int) -> list[Observation]:
    """A few people, devices, addresses, phones and stores; times tie often, half of the moments are the same few."""
    generator = random.Random(SEED + number)  # noqa: S311 - no secret: the seed is printed when a test fails
    pool = {kind: named(kind, number, "abcdef"[: generator.randint(1, 6)]) for kind in RULES}
    observations = []
    for _ in range(generator.randint(1, 25)):
        kinds = generator.sample(list(RULES), generator.choice([1, 2, 2, 2, 3, 3, 4]))
        available_at = START + timedelta(hours=generator.randrange(12) * generator.choice([1, 8]))
        identifiers = {kind: generator.choice(pool[kind]) for kind in kinds}
        previous = None
        if generator.random() < 0.15:
            # An alias; now and then of an id to itself, or in a circle.
            previous = generator.choice(pool["user_id"])
            identifiers = {"user_id": generator.choice(pool["user_id"]), "anonymous_id": previous}
            if identifiers["user_id"] == previous:
                previous = None
        observations.append(Observation(tuple(sorted(identifiers.items())), available_at, previous))
    return observations


def named(kind: str, number: int, letters: str) -> list[str]:
    return [f"{number:03d}-{letter}" + ("@world.example" if kind == "email" else "") for letter in letters]


def separated(number: int) -> list[tuple[str, str]]:
    """In every fifth world two of its identifiers are kept apart by hand."""
    return [(f"email:{number:03d}-a@world.example", f"user_id:{number:03d}-a")] if number % 5 == 0 else []


def events_of(observations: list[Observation]) -> list[dict[str, object]]:
    return [
        {
            "event_type": "identify" if observation.previous_id is None else "alias",
            "available_at": observation.available_at,
            "properties": {kind: value for kind, value in observation.identifiers if kind in OWN_TYPES},
        }
        | {kind: value for kind, value in observation.identifiers if kind not in OWN_TYPES}
        for observation in observations
    ]


def configuration(rules: dict[str, Rule]) -> dict[str, list[tuple]]:
    header = (
        "identifier_type", "priority", "limit_per_identifier", "limit_per_person", "limit_days", "normalisation",
        "properties", "include_pattern", "blocked_pattern",
    )  # fmt: skip
    rows = [
        (kind, rule.priority, rule.limit_per_identifier, rule.limit_per_person, rule.limit_days, "exact",
         kind if kind in OWN_TYPES else None, None, None)
        for kind, rule in rules.items()
    ]  # fmt: skip
    apart = [
        ("separate", *one.split(":"), *other.split(":"), "kept apart by hand")
        for number in range(WORLDS)
        for one, other in separated(number)
    ]
    return {"identity_rules": [header, *rows], "identity_overrides": [OVERRIDES_HEADER, *apart]}


@pytest.fixture(scope="module")
def worlds() -> dict[int, list[Observation]]:
    return {number: random_world(number) for number in range(WORLDS)}


@pytest.fixture(scope="module")
def events(worlds: dict[int, list[Observation]]) -> list[dict[str, object]]:
    """In a random order, each with an id of its own."""
    found = [event for observations in worlds.values() for event in events_of(observations)]
    random.Random(SEED).shuffle(found)  # noqa: S311
    return [event | {"event_id": f"e{number}"} for number, event in enumerate(found)]


@pytest.fixture(scope="module")
def built(new_world: Callable[..., World], events: list[dict[str, object]]) -> World:
    world = new_world("random_worlds", configuration(RULES))
    world.add_events(events)
    world.build()
    return world


def of_world(number: int, found: dict[str, str]) -> dict[str, str]:
    return {node: person for node, person in found.items() if node.split(":")[1].startswith(f"{number:03d}-")}


def test_people_are_whom_the_observations_show_at_every_moment(
    built: World, worlds: dict[int, list[Observation]], record_property: Callable[[str, object], None]
) -> None:
    cut_at: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for node, cut_from, cut_until in built.rows("select node, cut_from, cut_until from identity.identifier_cuts"):
        cut_at[node].append((cut_from, cut_until))
    moments = sorted({observation.available_at for observations in worlds.values() for observation in observations})
    compared = cuts = 0
    for moment in moments:
        everybody = built.person_of(moment)
        for number, observations in worlds.items():
            expected = resolve(observations, RULES, separated(number), moment)
            found = of_world(number, everybody)
            assert found == expected.person_of, f"world {number}, seed {SEED + number}, at {moment}"
            found_cut = {
                node
                for node, spans in cut_at.items()
                if node.split(":")[1].startswith(f"{number:03d}-")
                and any(start <= moment < end for start, end in spans)
            }
            assert found_cut == set(expected.cut), f"world {number}, seed {SEED + number}, cut at {moment}"
            compared += len(found)
            cuts += len(found_cut)
    print(f"{compared:,} identifiers at {len(moments)} moments, {cuts:,} of them cut")
    record_property("compared", compared)
    assert cuts > 1000, "the worlds hold too little poison to show anything"


def test_an_ended_cut_is_seen_too(built: World) -> None:
    """Otherwise the comparison above never met one: an alias that clears up who a device belongs to."""
    ((ended,),) = built.rows("select count(*) from identity.identifier_cuts where cut_until < '9999-12-31'")
    assert ended > 20


def test_today_is_the_last_moment(built: World, worlds: dict[int, list[Observation]]) -> None:
    everybody = dict(built.rows("select node, person_id from identity.person_identifiers"))
    expected = {
        node: person
        for number, observations in worlds.items()
        for node, person in resolve(observations, RULES, separated(number), TODAY).person_of.items()
    }
    assert everybody == expected


def test_people_built_in_batches_are_those_built_at_once(
    built: World, new_world: Callable[..., World], events: list[dict[str, object]]
) -> None:
    """Whatever arrives first: the tables hold the same rows as after one build of everything."""
    world = new_world("in_batches", configuration(RULES))
    shuffled = random.Random(SEED + 1).sample(events, len(events))  # noqa: S311
    for batch in (shuffled[: len(events) // 3], shuffled[len(events) // 3 :]):
        world.add_events(batch)
        world.build()
    for table in (
        "identity_edges",
        "identifier_cuts",
        "identity_quarantine",
        "person_spans",
        "person_identifiers",
        "persons",
    ):
        everything = f"select * from identity.{table} order by all"
        assert world.rows(everything) == built.rows(everything), table


def test_who_is_who_in_the_end_does_not_depend_on_what_was_known_first(
    new_world: Callable[..., World], events: list[dict[str, object]], worlds: dict[int, list[Observation]]
) -> None:
    """Known in another order, the same records give the same groups; names may differ, as the oldest has changed."""
    partitions = []
    for name, generator in (("one_order", None), ("another_order", random.Random(SEED + 2))):  # noqa: S311
        moments = [event["available_at"] for event in events]
        if generator:
            generator.shuffle(moments)
        world = new_world(name, configuration(RULES_WITHOUT_WINDOWS))
        world.add_events([event | {"available_at": moment} for event, moment in zip(events, moments, strict=True)])
        world.build("resource_type:seed", "staging", "+person_identifiers")
        groups: dict[str, set[str]] = defaultdict(set)
        for node, person in world.person_of().items():
            groups[person].add(node)
        partitions.append({frozenset(nodes) for nodes in groups.values()})
    assert partitions[0] == partitions[1]
