"""What makes identity hard, to be switched on: kiosks, shared mailboxes and phones, store ids, a support desk.

It comes on top of a finished block: more calls, and two more traits on identify calls. No sale and no probability
depends on it, and it draws from a stream of its own, so all other rows stay as they are without it. Numbers per 1,000
companies are spread evenly over the accounts and do not depend on the seed; who takes part does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Final, Literal

import numpy as np
import pyarrow as pa

from demo import vocabulary
from demo.identifiers import BLOCK_STRIDE, arrow_identifiers, numbers, text_identifiers
from demo.period import DAY, HOUR, LENGTH, MINUTE, SECOND, Integers
from demo.population import Population
from demo.raw_tables import Tables, choices, texts
from demo.segment_tables import deliver
from demo.truth import true_account, true_person

KIOSKS: Final = 12  # per 1,000 companies
KIOSK_USERS: Final = (12, 40)
LARGE_KIOSK_USERS: Final = (50, 90)  # every sixth kiosk
ROLE_MAILBOXES: Final = 40  # per 1,000 companies
ROLE_MAILBOX_USERS: Final = (2, 8)
PHONE_SHARE: Final = 0.4  # people who give a phone number
SWITCHBOARD_SHARE: Final = 0.25  # companies with a switchboard; half of those who give a number give that one
STORE_SIZES: Final = (1, 2, 1, 3, 1, 5, 2, 10, 20, 40, 80, 300)  # people of the stores of each 500 companies
LARGEST_STORE_SHARE: Final = 0.12  # of all people, also where there are fewer companies
STORE_LOGINS: Final = 4  # per 1,000 companies
STORE_LOGIN_USERS: Final = (24, 60)
FIRST_STORE_LOGIN: Final = 17
SUPPORT_VISITS: Final = 400  # per 1,000 companies, one device of each
MIGRATION: Final = (240 * DAY, 268 * DAY)  # weeks in which the support desk does most of its visits
MIGRATION_SHARE: Final = 0.75
SUPPORT_LOGIN: Final = "support-desk"
SUPPORT_ADDRESS: Final = "helpdesk@product.example"
SUPPORT_AGENTS: Final = tuple(f"support-agent-{number}" for number in range(1, 6))
VENDOR: Final = "vendor"  # the true account of the support desk
LAST_CALL: Final = LENGTH - 9 * DAY  # the latest delivery takes a little over a week, so all calls arrive
TRAITS: Final = ("phone", "store_id")

Kind = Literal["identify", "signed_in", "page"]


@dataclass(frozen=True)
class HardIdentity:
    """Which difficulties are switched on; all are off at first. The numbers are per 1,000 companies.

    Attributes:
        kiosks: 12 shared devices (lobby tablets, training rooms): ten with 12 to 40 users of different companies, two
            with 50 to 90. Each user identifies on it one to three times, with anonymous page views before. A third of
            the kiosks ask for the address alone and send no user id.
        role_mailboxes: 40 shared addresses that are on no list of blocked words (crew@, buero@), each given as the
            email trait by 2 to 8 users of one company after they had given their own address.
        shared_phones: the trait `phone` of 40 % of the people, about 2,000: half of those in the 250 companies with a
            switchboard give that number, the others one of their own. The spelling differs from call to call.
        store_ids: the trait `store_id` of those who signed up in one of 24 stores, across companies: six stores have
            one person, the two largest ones 300 each. It is what may be wrongly declared as an identifier of a person.
        store_logins: 4 user ids such as `store-17`, under each of which 24 to 60 people identify with their own
            address. Every other store sends from its server, the others from the people's own devices.
        support_login: 400 visits of one user id, `support-desk`, each on the device and in the workspace of another
            customer, most of them within four weeks. It impersonates: the device remains its owner's alone. Five
            agents use the login, and there is one in the whole simulation.
    """

    kiosks: bool = False
    role_mailboxes: bool = False
    shared_phones: bool = False
    store_ids: bool = False
    store_logins: bool = False
    support_login: bool = False

    @property
    def switched_on(self) -> tuple[str, ...]:
        """Return the names of what is switched on."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))

    @property
    def traits(self) -> tuple[str, ...]:
        """Return the traits that identify calls carry more than otherwise."""
        return tuple(trait for trait, on in zip(TRAITS, (self.shared_phones, self.store_ids), strict=True) if on)


EASY: Final = HardIdentity()
HARD: Final = HardIdentity(**dict.fromkeys((field.name for field in fields(HardIdentity)), True))

TrueUser = tuple[str, str, str, str | None]  # identifier type, identifier, person, account


@dataclass(frozen=True)
class _Call:
    kind: Kind
    time: int
    user_id: str | None = None
    anonymous_id: str | None = None
    workspace: int = -1
    email: str | None = None
    name: str | None = None
    title: str | None = None
    country: int = 0


class _Addition:
    """Collects the further calls of a block and who truly uses which identifier."""

    def __init__(self, random: np.random.Generator, population: Population) -> None:
        self.random = random
        self.population = population
        self.calls: list[_Call] = []
        self.users: set[TrueUser] = set()

    def uses(self, kind: str, identifier: str, person: int) -> None:
        owner = true_account(self.population, int(self.population.people.company[person]))
        self.users.add((kind, identifier, true_person(self.population, person), owner))

    def call(self, kind: Kind, time: int, person: int, **told: object) -> None:
        """Add a call by a person; what is not told is what the person would send by itself at that time."""
        people = self.population.people
        mine: dict[str, object] = {"country": int(people.country[person])}
        if kind == "identify":
            mine["email"] = _address(self.population, person, time)
            mine["name"] = f"{people.first_name[person]} {people.last_name[person]}"
            mine["title"] = people.title[person]
        self.calls.append(_Call(kind, time, **(mine | told)))  # type: ignore[arg-type]

    def between(self, low: float, high: float) -> int:
        """Draw a time in whole milliseconds, uniform in [low, high)."""
        return int(self.random.uniform(low, high)) // 1_000 * 1_000


def harden(random: np.random.Generator, population: Population, hard: HardIdentity, tables: Tables) -> Tables:
    """Add to the tables of a block what is switched on.

    Args:
        random: a stream of the block that nothing else draws from.
        population: who exists.
        hard: what is switched on.
        tables: the block's tables by raw table name.

    Returns:
        All tables: the same ones where nothing was added.
    """
    addition = _Addition(random, population)
    if hard.kiosks:
        _use_kiosks(addition)
    if hard.role_mailboxes:
        _give_role_mailboxes(addition)
    if hard.store_logins:
        _use_store_logins(addition)
    if hard.support_login:
        _visit_customers(addition)
    changed = dict(tables)
    _add_calls(addition, changed)
    if hard.shared_phones:
        _add_trait(addition, changed, "phone", _draw_phones(addition))
    if hard.store_ids:
        _add_trait(addition, changed, "store_id", _draw_stores(addition))
    changed["segment.users"] = _latest_traits(changed["segment.identifies"], population)
    _add_truth(addition, changed)
    return changed


def _positions(population: Population, per_thousand: int) -> range:
    """Return the numbers of the block's things of a kind, `per_thousand` companies, counted through all blocks."""
    first = int(population.companies.number[0])
    return range(first * per_thousand // 1_000, (first + len(population.companies)) * per_thousand // 1_000)


def _address(population: Population, person: int, time: int) -> str:
    people = population.people
    corporate = people.corporate_email[person]
    return corporate if corporate and time >= people.corporate_email_at[person] else people.email[person]


def _user_id(population: Population, person: int, time: int) -> str:
    people = population.people
    old = people.old_user_id[person]
    return old if old and time < people.renamed_at[person] else people.user_id[person]


def _some(random: np.random.Generator, persons: Integers, bounds: tuple[int, int]) -> list[int]:
    """Choose at random as many as the bounds say, both included; all where there are fewer."""
    wanted = int(random.integers(bounds[0], bounds[1] + 1))
    return random.permutation(persons)[:wanted].tolist()


def _use_kiosks(addition: _Addition) -> None:
    """Let people of the whole block identify on each kiosk, and look around before they do."""
    random, population = addition.random, addition.population
    kiosks = _positions(population, KIOSKS)
    devices = text_identifiers("kiosk", population.seed, numbers(population.block, len(kiosks)), prefix="a")
    for kiosk, device in zip(kiosks, devices, strict=True):
        is_large, asks_for_address_only = kiosk % 6 == 5, kiosk % 3 == 1
        opened = addition.between(0, 120 * DAY)
        known = np.flatnonzero(population.people.signed_up < LAST_CALL - DAY)
        for person in _some(random, known, LARGE_KIOSK_USERS if is_large else KIOSK_USERS):
            addition.uses("anonymous_id", device, person)
            since = max(int(population.people.signed_up[person]) + HOUR, opened)
            for _ in range(int(random.choice([1, 2, 3], p=[0.7, 0.2, 0.1]))):
                _sit_at_kiosk(addition, device, person, addition.between(since, LAST_CALL), asks_for_address_only)


def _sit_at_kiosk(addition: _Addition, device: str, person: int, time: int, asks_for_address_only: bool) -> None:
    user = None if asks_for_address_only else _user_id(addition.population, person, time)
    for _ in range(int(addition.random.integers(1, 4))):
        addition.call("page", time - addition.between(MINUTE, 10 * MINUTE), person, anonymous_id=device)
    addition.call("identify", time, person, user_id=user, anonymous_id=device)
    if user is not None:
        for _ in range(int(addition.random.integers(1, 3))):
            later = time + addition.between(SECOND, 20 * MINUTE)
            addition.call("signed_in", later, person, user_id=user, anonymous_id=device)


def _give_role_mailboxes(addition: _Addition) -> None:
    """Let some members of a company give its shared address, each at some time after joining."""
    random, population = addition.random, addition.population
    people, companies = population.people, population.companies
    is_early = people.joined < LAST_CALL - 2 * DAY
    members = np.bincount(people.company[is_early & (people.company >= 0)], minlength=len(companies))
    wanted = len(_positions(population, ROLE_MAILBOXES))
    for company in random.permutation(np.flatnonzero(members >= ROLE_MAILBOX_USERS[0]))[:wanted].tolist():
        word = vocabulary.UNLISTED_MAILBOXES[int(random.integers(0, len(vocabulary.UNLISTED_MAILBOXES)))]
        mailbox = f"{word}@{companies.domain[company]}"
        own = np.flatnonzero(is_early & (people.company == company))
        for person in _some(random, own, ROLE_MAILBOX_USERS):
            joined = int(people.joined[person])
            time = addition.between(joined + HOUR, min(joined + 60 * DAY, LAST_CALL))
            addition.uses("email", mailbox, person)
            addition.call(
                "identify", time, person, email=mailbox, user_id=_user_id(population, person, time),
                anonymous_id=_first_device(population, person), workspace=int(people.workspace[person]),
            )  # fmt: skip


def _use_store_logins(addition: _Addition) -> None:
    """Let people identify under a store's user id: from the store's server, or on their own device."""
    random, population = addition.random, addition.population
    for store in _positions(population, STORE_LOGINS):
        login, is_server = f"store-{FIRST_STORE_LOGIN + store}", store % 2 == 0
        known = np.flatnonzero(population.people.signed_up < LAST_CALL - 2 * DAY)
        for person in _some(random, known, STORE_LOGIN_USERS):
            signed_up = int(population.people.signed_up[person])
            earliest = max(signed_up - 20 * DAY, HOUR) if is_server else signed_up + HOUR
            time = addition.between(earliest, min(signed_up + 60 * DAY, LAST_CALL))
            device = None if is_server else _first_device(population, person)
            addition.uses("user_id", login, person)
            addition.call("identify", time, person, user_id=login, anonymous_id=device)
            addition.call("signed_in", time + MINUTE, person, user_id=login, anonymous_id=device)


def _visit_customers(addition: _Addition) -> None:
    """Let the support desk sign in for a moment in the sessions of customers, and once on its own device."""
    random, population = addition.random, addition.population
    people = population.people
    is_member = people.joined < LAST_CALL - 2 * DAY
    companies = np.unique(people.company[is_member])
    wanted = len(_positions(population, SUPPORT_VISITS))
    for company in random.permutation(companies)[:wanted].tolist():
        person = int(random.choice(np.flatnonzero(is_member & (people.company == company))))
        joined = int(people.joined[person]) + HOUR
        migrates = joined < MIGRATION[0] and random.random() < MIGRATION_SHARE
        time = addition.between(*(MIGRATION if migrates else (joined, LAST_CALL)))
        _impersonate(addition, time, _first_device(population, person), int(people.workspace[person]))
    if population.block == 0:
        device = text_identifiers("support", population.seed, numbers(0, 1), prefix="a")[0]
        _impersonate(addition, HOUR, device, -1)
        used = (("user_id", SUPPORT_LOGIN), ("email", SUPPORT_ADDRESS), ("anonymous_id", device))
        addition.users.update((*identifier, agent, VENDOR) for identifier in used for agent in SUPPORT_AGENTS)


def _impersonate(addition: _Addition, time: int, device: str, workspace: int) -> None:
    desk = {"user_id": SUPPORT_LOGIN, "anonymous_id": device, "workspace": workspace}
    addition.calls += [
        _Call("identify", time, **desk, email=SUPPORT_ADDRESS, name="Support Desk", title="Support"),
        _Call("signed_in", time + SECOND, **desk),
        _Call("page", time + 2 * SECOND, **desk),
    ]


def _first_device(population: Population, person: int) -> str:
    return population.devices.anonymous_id[int(population.devices.first_of_person[person])]


def _draw_phones(addition: _Addition) -> dict[int, str]:
    """Give people a phone number, as its digits: their own, or their company's switchboard."""
    random, population = addition.random, addition.population
    people, companies = population.people, len(population.companies)
    has_switchboard = random.random(companies) < SWITCHBOARD_SHARE
    gives = random.random(len(people)) < PHONE_SHARE
    prefers_switchboard = random.random(len(people)) < 0.5
    is_shared = prefers_switchboard & (people.company >= 0) & has_switchboard[people.company]
    own = companies + np.arange(len(people))
    # An area code that nobody has; 20,000 numbers a block, so that they repeat only after 250,000 companies.
    line = (population.block * 20_000 + np.where(is_shared, people.company, own)) % 10_000_000
    return {person: f"1555{line[person]:07d}" for person in np.flatnonzero(gives).tolist()}


def _draw_stores(addition: _Addition) -> dict[int, str]:
    """Send people to the stores of the block; nobody signs up at two."""
    random, population = addition.random, addition.population
    largest = int(LARGEST_STORE_SHARE * len(population.people))
    visitors = iter(random.permutation(len(population.people)).tolist())
    first = population.block * len(STORE_SIZES) + 1
    return {
        person: f"S{first + store:04d}"
        for store, size in enumerate(STORE_SIZES)
        for person in islice(visitors, min(size, largest))
    }


def _spelled(number: str, call: str) -> str:
    """Write a phone number the way it was typed in; both copies of a repeated call have the same spelling."""
    country, area, office, line = number[0], number[1:4], number[4:7], number[7:]
    spellings = (
        f"+{country} ({area}) {office}-{line}",
        f"{country}-{area}-{office}-{line}",
        f"+{country} {area} {office} {line}",
        f"+{country}.{area}.{office}.{line}",
        number,
    )
    return spellings[int(call[:8], 16) % len(spellings)]


def _add_calls(addition: _Addition, tables: dict[str, pa.Table]) -> None:
    """Deliver the calls and append them to the tables they belong to."""
    targets: dict[Kind, tuple[str, ...]] = {
        "identify": ("segment.identifies",),
        "signed_in": ("segment.tracks", "segment.signed_in"),
        "page": ("segment.pages",),
    }
    issued = 0
    for kind, names in targets.items():
        calls = [call for call in addition.calls if call.kind == kind]
        rows = _call_table(addition, kind, calls, issued)
        issued += len(calls)
        for name in names:
            tables[name] = pa.concat_tables([tables[name], rows.select(tables[name].column_names)])


def _call_table(addition: _Addition, kind: Kind, calls: Sequence[_Call], issued: int) -> pa.Table:
    random, population = addition.random, addition.population
    time = np.array([call.time for call in calls], dtype=np.int64)
    delivery = deliver(random, time, np.zeros(len(calls), dtype=np.int64))
    at = delivery.position
    columns = {
        "id": arrow_identifiers("further call", population.seed, population.block * BLOCK_STRIDE + issued + at),
        "anonymous_id": _texts_of([call.anonymous_id for call in calls], at),
        "user_id": _texts_of([call.user_id for call in calls], at),
        "context_group_id": _looked_up(population.workspaces.identifier, [call.workspace for call in calls], at),
        "context_user_agent": choices(vocabulary.USER_AGENTS[1:2], np.zeros_like(at)),
        "context_library_name": choices(vocabulary.LIBRARIES[:1], np.zeros_like(at)),
        "context_location_country": _looked_up(vocabulary.COUNTRIES, [call.country for call in calls], at),
        **delivery.columns(),
    }
    if kind == "identify":
        columns["email"] = _texts_of([call.email for call in calls], at)
        columns["name"] = _texts_of([call.name for call in calls], at)
        columns["title"] = _texts_of([call.title for call in calls], at)
    elif kind == "signed_in":
        columns["event"] = choices(("signed_in",), np.zeros_like(at))
        columns["event_text"] = choices(("Signed In",), np.zeros_like(at))
    else:
        page = {"name": "Home", "path": "/", "url": "https://www.product.example/", "title": "Home | Product"}
        columns |= {name: choices((value,), np.zeros_like(at)) for name, value in page.items()}
        columns["referrer"] = choices((None,), np.full_like(at, -1))
    return pa.table(columns)


def _texts_of(calls: Sequence[str | None], at: Integers) -> pa.Array:
    """Look up the text of each call; none is null, outside the pool, because Arrow cannot unite pools with nulls."""
    position = np.array([-1 if text is None else call for call, text in enumerate(calls)], dtype=np.int64)
    return choices([text or "" for text in calls], position[at])


def _looked_up(pool: Sequence[str], positions: Sequence[int], at: Integers) -> pa.Array:
    return choices(pool, np.array(positions, dtype=np.int64)[at])


def _add_trait(addition: _Addition, tables: dict[str, pa.Table], trait: str, value_of: dict[int, str]) -> None:
    """Write a trait on every identify call of those who have it, and note as its users those whose calls arrived."""
    people = addition.population.people
    person_of: dict[str | None, int] = {user: person for person, user in enumerate(people.user_id)}
    person_of |= {user: person for person, user in enumerate(people.old_user_id) if user is not None}
    identifies = tables["segment.identifies"]
    written: list[str | None] = []
    for call, user in zip(identifies["id"].to_pylist(), identifies["user_id"].to_pylist(), strict=True):
        person = person_of.get(user, -1)
        value = value_of.get(person)
        if value is None:
            written.append(None)
            continue
        addition.uses(trait, value, person)
        written.append(_spelled(value, str(call)) if trait == "phone" else value)
    tables["segment.identifies"] = identifies.append_column(trait, texts(written))


def _latest_traits(identifies: pa.Table, population: Population) -> pa.Table:
    """Build Segment's table of users: the traits of each one's latest identify call.

    The support desk calls from every block; its row comes from the first one.
    """
    latest: dict[str, tuple[tuple[object, object], int]] = {}
    columns = (identifies[name].to_pylist() for name in ("user_id", "timestamp", "received_at"))
    for row, (user, time, received) in enumerate(zip(*columns, strict=True)):
        if user is None or (user == SUPPORT_LOGIN and population.block > 0):
            continue
        if user not in latest or latest[user][0] < (time, received):
            latest[user] = ((time, received), row)
    rows = pa.array([row for _, row in latest.values()], pa.int64())
    users = identifies.unify_dictionaries().take(rows).drop_columns(["id"])
    return users.rename_columns({"user_id": "id"})


def _add_truth(addition: _Addition, tables: dict[str, pa.Table]) -> None:
    people = tables["truth.people"]
    rows = sorted(addition.users, key=lambda row: row[:3])
    columns = zip(*rows, strict=True) if rows else [()] * len(people.column_names)
    further = [texts(column) for column in columns]
    tables["truth.people"] = pa.concat_tables([people, pa.table(further, names=people.column_names)])
    if any(account == VENDOR for *_, account in rows):
        accounts = tables["truth.account_identifiers"]
        vendor = {"true_account": VENDOR, "identifier_type": "domain", "identifier": SUPPORT_ADDRESS.split("@")[1]}
        further_account = pa.table({name: texts([vendor[name]]) for name in accounts.column_names})
        tables["truth.account_identifiers"] = pa.concat_tables([accounts, further_account])
