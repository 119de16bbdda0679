"""Small random worlds as raw Segment rows: late, duplicate, reordered, skewed clocks, later links, and merges.

Every world has identifiers and a domain of its own, so one warehouse holds hundreds of them side by side.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

START = datetime(2025, 6, 1)  # noqa: DTZ001 - the warehouse keeps UTC without a zone
DAYS = 420  # longer than the lookback
TRACKS = {
    "Signed In": "signed_in", "Export Run": "export_run", "API Called": "api_called",
    "Teammate Invited": "teammate_invited", "Home Waved": "home_waved",
}  # fmt: skip
AMOUNTS = {"Export Run": "rows", "API Called": "calls"}

Row = dict[str, Any]


@dataclass
class Raw:
    """Rows per Segment table, and how often each kind of trouble was made."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    troubles: Counter[str] = field(default_factory=Counter)

    def add(self, table: str, row: Row) -> None:
        self.tables.setdefault(table, []).append(row)


@dataclass(frozen=True)
class Person:
    """Somebody of a world: user id, address, the devices, and when identify calls first tie them together."""

    user_id: str
    email: str
    devices: tuple[str, ...]
    linked_at: datetime


def random_worlds(count: int, seed: int) -> Raw:
    raw = Raw()
    for number in range(count):
        _add_world(raw, number, random.Random(f"{seed} {number}"))  # noqa: S311 - no secret
    shuffled = random.Random(seed)  # noqa: S311
    for rows in raw.tables.values():
        shuffled.shuffle(rows)
    return raw


def write(connection: duckdb.DuckDBPyConnection, raw: Raw) -> None:
    connection.execute("create schema segment")
    for table, rows in raw.tables.items():
        columns = sorted({name for row in rows for name in row})
        arrow = pa.table({name: pa.array([row.get(name) for row in rows]) for name in columns})
        connection.register("incoming", arrow)
        connection.execute(f"create table segment.{table} as from incoming")
        connection.unregister("incoming")


def _add_world(raw: Raw, number: int, draw: random.Random) -> None:
    start = START + timedelta(days=draw.randint(0, 60))
    people = [_person(number, index, start, draw) for index in range(draw.randint(1, 4))]
    workspaces = [f"w{number}-{index}" for index in range(draw.randint(0, 2))]
    calls = _Calls(raw, number, draw)
    for person in people:
        for device in person.devices:
            at = person.linked_at + timedelta(days=draw.random() * 20) * (device != person.devices[0])
            calls.send("identifies", at, person.user_id, device, email=person.email)
        if workspaces and draw.random() < 0.7:
            at = person.linked_at + timedelta(days=draw.random() * 60)
            domain = f"world{number}.com" if draw.random() < 0.5 else None
            calls.send("groups", at, person.user_id, None, group_id=draw.choice(workspaces), domain=domain)
    if len(people) > 1 and draw.random() < 0.4:
        one, other = draw.sample(people, 2)
        raw.troubles["people merged"] += 1
        at = start + timedelta(days=30 + draw.random() * 300)
        calls.send("aliases", at, one.user_id, None, previous_id=other.user_id)
    if len(workspaces) == 2 and draw.random() < 0.5:
        raw.troubles["organisations merged"] += 1
        at = start + timedelta(days=30 + draw.random() * 300)
        for workspace in workspaces:
            calls.send("groups", at, people[0].user_id, None, group_id=workspace, verified_domain=f"world{number}.com")
    for _ in range(draw.randint(8, 45)):
        _add_event(calls, draw, people, workspaces, start)


def _person(number: int, index: int, start: datetime, draw: random.Random) -> Person:
    at = draw.choice([f"world{number}.com", "gmail.com"])
    return Person(
        user_id=f"u{number}-{index}",
        email=f"p{number}x{index}@{at}",
        devices=tuple(f"d{number}-{index}-{device}" for device in range(draw.randint(1, 2))),
        linked_at=start + timedelta(days=draw.choice([0, 0, draw.random() * 200])),
    )


def _add_event(
    calls: "_Calls", draw: random.Random, people: list[Person], workspaces: list[str], start: datetime
) -> None:
    person = draw.choice(people)
    # Most happen in bursts, so that caps are reached and windows are full; some at midnight itself.
    at = start + timedelta(days=draw.choice([draw.random() * 340, draw.randint(200, 230) + draw.random(), 212.0]))
    is_known = draw.random() < 0.6
    device = draw.choice(person.devices) if not is_known or draw.random() < 0.5 else None
    group = draw.choice(workspaces) if workspaces and draw.random() < 0.3 else None
    if at < person.linked_at and not is_known:
        calls.raw.troubles["linked later"] += 1
    name = draw.choice(list(TRACKS))
    repeated = draw.choice([1, 1, 1, 7])
    for step in range(repeated):
        moment = at + timedelta(minutes=step)
        if draw.random() < 0.2:
            calls.send("pages", moment, person.user_id if is_known else None, device, group, name="Pricing")
        else:
            calls.send("tracks", moment, person.user_id if is_known else None, device, group, event_text=name)


@dataclass
class _Calls:
    """Sends calls as Segment stores them, with the troubles of the way."""

    raw: Raw
    world: int
    draw: random.Random
    sent: int = 0

    def send(
        self,
        table: str,
        at: datetime,
        user_id: str | None,
        device: str | None,
        group: str | None = None,
        **columns: Any,
    ) -> None:
        draw, troubles = self.draw, self.raw.troubles
        self.sent += 1
        wait = timedelta(seconds=draw.random() * 5)
        if table in ("tracks", "pages") and draw.random() < 0.15:
            wait = timedelta(days=draw.random() * 7)
            troubles["late"] += 1
        skew = timedelta(0)
        if draw.random() < 0.05:
            skew = timedelta(hours=draw.uniform(-40, 40))
            troubles["skewed clock"] += 1
        received = at + wait
        original, sent = at + skew, at + skew + wait
        timestamp = received - (sent - original)
        if draw.random() < 0.03:  # a clock that was set back between the two: Segment's rule gives a time after receipt
            timestamp = received + timedelta(hours=draw.random() * 100)
            sent = original - (timestamp - received)
            troubles["ahead of receipt"] += 1
        row = {
            "id": f"m{self.world}-{self.sent}", "user_id": user_id, "anonymous_id": device, "context_group_id": group,
            "original_timestamp": original, "sent_at": sent, "received_at": received, "timestamp": timestamp, **columns,
        }  # fmt: skip
        self.raw.add(table, row)
        name = columns.get("event_text")
        if name in AMOUNTS:
            amount = {AMOUNTS[name]: draw.choice([None, draw.randint(1, 9_999) / 100])}
            self.raw.add(name.lower().replace(" ", "_"), {"id": row["id"], **amount})
        if draw.random() < 0.06:
            again = timedelta(days=draw.random() * 3)
            self.raw.add(table, row | {"received_at": received + again, "timestamp": row["timestamp"] + again})
            troubles["duplicate"] += 1
