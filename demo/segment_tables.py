"""Segment's warehouse tables of a block: tracks, one table per event, pages, identifies, groups, aliases and users."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from demo import vocabulary
from demo.behaviour import EventLog
from demo.identifiers import BLOCK_STRIDE, arrow_identifiers
from demo.period import DAY, HOUR, LENGTH, MILLISECOND, MINUTE, NEVER, SECOND, Booleans, Integers, spread
from demo.population import Population
from demo.raw_tables import Columns, choices, numbers_or_null, texts, timestamps
from demo.signals import SIGNALS

LATE_SHARE: Final = 0.03
DUPLICATE_SHARE: Final = 0.01
GROUP_MISSING_SHARE: Final = 0.02

_EVENTS: Final = list(dict.fromkeys(signal.event for signal in SIGNALS if signal.kind == "track"))
_EVENT_TEXTS: Final = list(dict.fromkeys(signal.text for signal in SIGNALS if signal.kind == "track"))
_PAGES: Final = [signal.text for signal in SIGNALS if signal.kind == "page"]
_EVENT_OF_SIGNAL: Final = np.array(
    [_EVENTS.index(signal.event) if signal.kind == "track" else len(_EVENTS) for signal in SIGNALS]
)
_PAGE_OF_SIGNAL: Final = np.array([_PAGES.index(signal.text) if signal.kind == "page" else -1 for signal in SIGNALS])
_PATHS: Final = {"Home": "/", "Billing": "/settings/billing"}
_REFERRERS: Final = (None, "https://search.example/", "https://news.example/", "https://www.product.example/")


@dataclass(frozen=True)
class Delivery:
    """How calls reached the warehouse: which call (a duplicate repeats its position), and Segment's five times."""

    position: Integers
    original: Integers
    sent: Integers
    received: Integers
    time: Integers
    loaded: Integers

    def columns(self) -> Columns:
        """Return the five time columns."""
        return {
            "original_timestamp": timestamps(self.original),
            "sent_at": timestamps(self.sent),
            "received_at": timestamps(self.received),
            "timestamp": timestamps(self.time),
            "uuid_ts": timestamps(self.loaded),
        }


def deliver(random: np.random.Generator, time: Integers, skew: Integers) -> Delivery:
    """Send calls to the warehouse: a few arrive days late, a few twice, a few from devices whose clock is wrong.

    The times obey Segment's rule `timestamp = received_at - (sent_at - original_timestamp)` exactly. What would
    have been loaded after the end of the simulated year is not in the warehouse yet, so it is left out.

    Args:
        random: the block's stream.
        time: when each call happened.
        skew: how far the clock of each call's device is ahead.
    """
    count = len(time)
    position = np.arange(count)
    is_late = random.random(count) < LATE_SHARE
    waited = np.where(is_late, spread(random, DAY, 7 * DAY, count), spread(random, 50 * MILLISECOND, 4 * SECOND, count))
    travelled = spread(random, 20 * MILLISECOND, 50 * MILLISECOND, count)
    loading = spread(random, MINUTE, HOUR, count)
    again = np.flatnonzero(random.random(count) < DUPLICATE_SHARE)
    retried = spread(random, MINUTE, 6 * HOUR, len(again))

    position = np.concatenate([position, again])
    waited = np.concatenate([waited, waited[again] + retried])
    original = (time - travelled + skew)[position]
    received = time[position] + waited
    sent = original + waited
    loaded = received + loading[position]
    loaded[count:] += HOUR  # the second copy comes with a later load
    kept = loaded < LENGTH
    return Delivery(position[kept], original[kept], sent[kept], received[kept], time[position][kept], loaded[kept])


class _Calls:
    """Builds the columns that all calls share; counts the calls so that every one gets its own id."""

    def __init__(self, population: Population, random: np.random.Generator) -> None:
        self.population = population
        self.random = random
        self.issued = 0
        people = population.people
        self.user_pool = pa.array(people.user_id + [old or "" for old in people.old_user_id])
        self.anonymous_pool = pa.array(population.devices.anonymous_id)

    def columns(
        self, delivery: Delivery, person: Integers, device: Integers, is_identified: Booleans, time: Integers
    ) -> Columns:
        """Return id, user, device, context and time columns of delivered calls.

        Args:
            delivery: what arrived and when.
            person: who made each call, -1 for a bot.
            device: the device, -1 for the backend.
            is_identified: whether the call carries a user id.
            time: when each call happened.
        """
        people, devices, population = self.population.people, self.population.devices, self.population
        first = population.block * BLOCK_STRIDE + self.issued
        self.issued += len(person)
        uses_old = is_identified & (time < people.renamed_at[person]) & (people.renamed_at[person] < NEVER)
        user = np.where(is_identified, person + np.where(uses_old, len(people), 0), -1)
        is_member = is_identified & (people.joined[person] <= time)
        is_member &= self.random.random(len(person)) >= GROUP_MISSING_SHARE
        group = np.where(is_member, people.workspace[person], -1)
        agent = np.where(device < 0, vocabulary.AGENT_SERVER, devices.agent[device])
        country = np.where(person < 0, 0, people.country[person])
        country = np.where(device < 0, -1, country)
        at = delivery.position
        return {
            "id": arrow_identifiers("call", population.seed, first + at),
            "anonymous_id": choices(self.anonymous_pool, device[at]),
            "user_id": choices(self.user_pool, user[at]),
            "context_group_id": choices(population.workspaces.identifier, group[at]),
            "context_user_agent": choices(vocabulary.USER_AGENTS, agent[at]),
            "context_library_name": choices(vocabulary.LIBRARIES, np.array(vocabulary.LIBRARY_OF_AGENT)[agent[at]]),
            "context_location_country": choices(vocabulary.COUNTRIES, country[at]),
            **delivery.columns(),
        }


def segment_tables(
    random: np.random.Generator, population: Population, log: EventLog, plan_since: Integers
) -> dict[str, pa.Table]:
    """Build Segment's tables of a block.

    Args:
        random: the block's stream for raw tables.
        population: who exists.
        log: tracks and pages.
        plan_since: when each company began to pay; NEVER for most.

    Returns:
        Arrow tables by raw table name.
    """
    calls = _Calls(population, random)
    tables = _event_tables(calls, log)
    identifies, users = _identify_tables(calls)
    tables["segment.identifies"] = identifies
    tables["segment.users"] = users
    tables["segment.groups"] = _group_table(calls, plan_since)
    tables["segment.aliases"] = _alias_table(calls)
    return tables


def _event_tables(calls: _Calls, log: EventLog) -> dict[str, pa.Table]:
    """Cut tracks, event tables and pages as slices of one batch sorted by event."""
    random, devices = calls.random, calls.population.devices
    log = log.keep(np.lexsort((log.time, log.signal)))
    event_of_call = _EVENT_OF_SIGNAL[log.signal]
    skew = np.where(log.device < 0, 0, devices.clock_skew[log.device])
    delivery = deliver(random, log.time, skew)
    order = np.argsort(event_of_call[delivery.position], kind="stable")
    delivery = Delivery(
        *(
            values[order]
            for values in (
                delivery.position, delivery.original, delivery.sent, delivery.received, delivery.time, delivery.loaded
            )
        )
    )  # fmt: skip
    shared = pa.table(calls.columns(delivery, log.person, log.device, log.is_identified, log.time))
    event = event_of_call[delivery.position]
    signal = log.signal[delivery.position]
    bounds = np.searchsorted(event, np.arange(len(_EVENTS) + 2))
    tracks = int(bounds[len(_EVENTS)])
    track_rows = shared.slice(0, tracks)
    track_rows = track_rows.append_column("event", choices(_EVENTS, event[:tracks]))
    track_rows = track_rows.append_column("event_text", choices(_EVENT_TEXTS, event[:tracks]))
    tables = {"segment.tracks": track_rows}
    for code, name in enumerate(_EVENTS):
        start, stop = int(bounds[code]), int(bounds[code + 1])
        rows = track_rows.slice(start, stop - start)
        # Properties belong to the call, not to the delivery: both copies of a duplicate must carry the same.
        draw = _uniform_of_call(calls, delivery.position[start:stop])
        for column, values in _properties(name, signal[start:stop], draw).items():
            rows = rows.append_column(column, values)
        tables[f"segment.{name}"] = rows
    pages = shared.slice(tracks)
    draw = _uniform_of_call(calls, delivery.position[tracks:])
    for column, values in _page_properties(signal[tracks:], draw).items():
        pages = pages.append_column(column, values)
    tables["segment.pages"] = pages
    return tables


def _uniform_of_call(calls: _Calls, position: Integers) -> Integers:
    """Return a number in [0, 10 000) that depends on the call alone."""
    mixed = (position.astype(np.uint64) + np.uint64(calls.population.block * 977 + 1)) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(40)) % np.uint64(10_000)).astype(np.int64)


def _properties(event: str, signal: Integers, draw: Integers) -> Columns:
    """Return the property columns of one event table; `draw` is uniform in [0, 10 000)."""
    if event in ("data_source_connected", "dashboard_shared"):
        condition = [signal.condition for signal in SIGNALS]
        key = next(pair[0] for pair, signal in zip(condition, SIGNALS, strict=True) if pair and signal.event == event)
        columns = {key: choices([pair[1] if pair else None for pair in condition], signal)}
        if event == "data_source_connected":
            columns["type"] = choices(("postgres", "snowflake", "sheet", "bigquery", "csv"), draw % 5)
            columns["rows"] = pa.array((10 ** (2 + draw / 2_500)).astype(np.int64))
        return columns
    pools: dict[str, tuple[str, tuple[str, ...]]] = {
        "teammate_invited": ("department", vocabulary.DEPARTMENTS),
        "report_scheduled": ("frequency", ("daily", "weekly", "weekly", "monthly")),
        "limit_reached": ("limit", ("seats", "storage", "runs", "projects")),
        "error_shown": ("code", ("timeout", "permission_denied", "query_failed", "not_found")),
    }
    if event in pools:
        column, pool = pools[event]
        return {column: choices(pool, draw % len(pool))}
    if event in ("dashboard_created", "automation_created"):
        return {"from_template": pa.array(draw < 4_000)}
    if event == "export_run":
        return {"rows": pa.array((10 ** (1 + draw / 2_000)).astype(np.int64))}
    if event == "api_called":
        return {"calls": pa.array((10 ** (draw / 2_500)).astype(np.int64))}
    return {}


def _page_properties(signal: Integers, draw: Integers) -> Columns:
    page = _PAGE_OF_SIGNAL[signal]
    paths = [_PATHS.get(name, f"/{name.lower()}") for name in _PAGES]
    return {
        "name": choices(_PAGES, page),
        "path": choices(paths, page),
        "url": choices([f"https://www.product.example{path}" for path in paths], page),
        "title": choices([f"{name} | Product" for name in _PAGES], page),
        "referrer": choices(_REFERRERS, draw % len(_REFERRERS)),
    }


def _identify_tables(calls: _Calls) -> tuple[pa.Table, pa.Table]:
    """Build identify calls (sign-up, further devices, shared devices, changed addresses) and the latest traits."""
    people, devices, random = calls.population.people, calls.population.devices, calls.random
    companies, total = calls.population.companies, len(calls.population.people)
    owned = np.flatnonzero(devices.owner >= 0)
    changed = np.flatnonzero(people.corporate_email_at < NEVER)
    mailbox = np.flatnonzero(people.role_mailbox_at < NEVER)
    person = np.concatenate([devices.owner[owned], devices.shared_person, changed, mailbox])
    device = np.concatenate(
        [owned, devices.shared_device, devices.first_of_person[changed], devices.first_of_person[mailbox]]
    )
    time = np.concatenate(
        [
            devices.identified_at[owned],
            devices.shared_from,
            people.corporate_email_at[changed],
            people.role_mailbox_at[mailbox],
        ]
    )
    is_first = devices.first_of_person[person] == device
    by_backend = is_first & people.is_aliased[person] & (time == people.signed_up[person])
    device = np.where(by_backend, -1, device)
    # Pools of addresses: the one given at sign-up, then the corporate one, then the account's shared mailbox.
    address = person + np.where(time >= people.corporate_email_at[person], total, 0)
    address[len(person) - len(mailbox) :] = mailbox + 2 * total
    pool = texts(
        people.email
        + [corporate or "" for corporate in people.corporate_email]
        + [(companies.role_mailbox[company] or "") if company >= 0 else "" for company in people.company.tolist()]
    )
    skew = np.where(device < 0, 0, devices.clock_skew[device])
    delivery = deliver(random, time, skew)
    at = delivery.position
    names = texts(f"{first} {last}" for first, last in zip(people.first_name, people.last_name, strict=True))
    traits = {
        "email": choices(pool, address[at]),
        "name": choices(names, person[at]),
        "title": choices(people.title, person[at]),
    }
    shared = calls.columns(delivery, person, device, np.ones(len(person), dtype=np.bool_), time)
    identifies = pa.table({**shared, **traits})

    uses_old = (delivery.time < people.renamed_at[person[at]]) & (people.renamed_at[person[at]] < NEVER)
    user = person[at] + np.where(uses_old, total, 0)
    order = np.lexsort((at, delivery.received, delivery.time, user))
    is_latest = np.append(user[order][1:] != user[order][:-1], True) if len(order) else np.zeros(0, dtype=np.bool_)
    latest = order[is_latest]
    users = pa.table(
        {
            "id": choices(calls.user_pool, user[latest]),
            **{name: column.take(pa.array(latest, type=pa.int64())) for name, column in traits.items()},
            "received_at": timestamps(delivery.received[latest]),
            "uuid_ts": timestamps(delivery.loaded[latest]),
        }
    )
    return identifies, users


def _group_table(calls: _Calls, plan_since: Integers) -> pa.Table:
    """Build group calls: one when a person joins a workspace, for a third of them another one later."""
    people, companies, devices, random = (
        calls.population.people, calls.population.companies, calls.population.devices, calls.random
    )  # fmt: skip
    members = np.flatnonzero(people.joined < NEVER)
    again = members[random.random(len(members)) < 0.3]
    person = np.concatenate([members, again])
    time = np.concatenate([people.joined[members], people.joined[again] + spread(random, DAY, 120 * DAY, len(again))])
    device = devices.first_of_person[person]
    company = people.company[person]
    has_domain = random.random(len(person)) < 0.4
    has_size = random.random(len(person)) < 0.5
    delivery = deliver(random, time, devices.clock_skew[device])
    at = delivery.position
    plan = np.where(time >= plan_since[company], np.where(companies.employees[company] >= 200, 2, 1), 0)
    return pa.table(
        {
            **calls.columns(delivery, person, device, np.ones(len(person), dtype=np.bool_), time),
            "group_id": choices(calls.population.workspaces.identifier, people.workspace[person][at]),
            "name": choices(companies.name, company[at]),
            "domain": choices(companies.domain, np.where(has_domain, company, -1)[at]),
            "plan": choices(("free", "team", "business"), plan[at]),
            "employees": numbers_or_null(companies.employees[company][at], ~has_size[at]),
        }
    )


def _alias_table(calls: _Calls) -> pa.Table:
    """Build alias calls: a device's anonymous id to the user who signs up on it, or an old user id to the new one."""
    people, devices, random = calls.population.people, calls.population.devices, calls.random
    aliased = np.flatnonzero(people.is_aliased)
    renamed = np.flatnonzero(people.renamed_at < NEVER)
    person = np.concatenate([aliased, renamed])
    time = np.concatenate([people.signed_up[aliased] + SECOND, people.renamed_at[renamed]])
    previous = [devices.anonymous_id[device] for device in devices.first_of_person[aliased].tolist()]
    previous += [people.old_user_id[user] or "" for user in renamed.tolist()]
    device = devices.first_of_person[person]
    delivery = deliver(random, time, devices.clock_skew[device])
    columns = calls.columns(delivery, person, device, np.ones(len(person), dtype=np.bool_), time)
    del columns["anonymous_id"]
    return pa.table({**columns, "previous_id": choices(previous, delivery.position)})
