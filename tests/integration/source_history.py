"""One small history of a product, and the tables that each vendor would have made of it.

Everything arrives at one moment, after it all happened: then no source knows anything sooner than another.
"""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingest.files import import_files

ARRIVED = datetime(2027, 1, 15, 8)  # noqa: DTZ001 - times in the warehouse are UTC without a zone
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as above
PAGES = ("/", "/pricing", "/security", "/docs")
FREE = "gmail.com"

Row = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """One call of the product's code. `ahead` is how wrong the clock of the client was."""

    id: str
    kind: str
    at: datetime
    user: str | None
    anonymous: str | None
    name: str | None = None
    group: str | None = None
    previous: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ahead: timedelta = timedelta(0)


@dataclass(frozen=True)
class Person:
    """Who the calls are of. Somebody without a workspace has no company."""

    user: str
    email: str
    title: str
    workspace: str | None
    browser: str
    second_device: str | None
    joined: datetime
    ahead: timedelta

    @property
    def traits(self) -> dict[str, str]:
        return {"email": self.email, "name": self.user.title(), "title": self.title}


def people() -> list[Person]:
    """Five companies of two to five people, and three people at free mail."""
    chance = random.Random(11)  # noqa: S311 - test data
    homes = [
        company
        for number, company in enumerate(("acme", "north", "south", "east", "west"))
        for _ in range(number % 4 + 2)
    ]
    found: list[Person] = []
    for number, company in enumerate([*homes, None, None, None]):
        user = f"person{number}"
        found.append(
            Person(
                user,
                f"{user}@{company}.example" if company else f"{user}@{FREE}",
                chance.choice(["CTO", "Data Engineer", "Head of Marketing"]),
                f"w-{company}" if company else None,
                f"browser-{number}",
                f"phone-{number}" if number % 3 == 0 else None,
                ARRIVED - timedelta(days=chance.randint(15, 80), minutes=chance.randint(0, 1000)),
                timedelta(days=chance.choice([0, 0, 0, 400, -90])),
            )
        )
    return found


def history() -> list[Message]:
    """What they did: look, sign up, join a workspace, work. In the order of time; some calls are delivered twice."""
    chance = random.Random(12)  # noqa: S311 - test data
    everybody = people()
    calls = sorted((call for person in everybody for call in _of(person, everybody, chance)), key=lambda call: call.at)
    return [call for call in calls for _ in range(2 if call.id.endswith("7") else 1)]


def _of(person: Person, everybody: Sequence[Person], chance: random.Random) -> Iterator[Message]:
    numbers = count()

    def call(kind: str, at: datetime, user: str | None, anonymous: str | None, **more: Any) -> Message:
        whole = at.replace(microsecond=0)  # which is what a raw export of Mixpanel has
        return Message(f"{person.user}-{next(numbers)}", kind, whole, user, anonymous, ahead=person.ahead, **more)

    joined = person.joined
    if person.second_device:
        yield call("page", joined - timedelta(days=2), None, person.second_device, name="/pricing")
    for number in range(2):
        yield call("page", joined - timedelta(hours=5 - number), None, person.browser, name=chance.choice(PAGES))
    yield call("identify", joined, person.user, person.browser, properties=person.traits)
    if person.second_device:
        yield call("alias", joined + timedelta(minutes=1), person.user, None, previous=person.second_device)
    if person.workspace:
        company = person.workspace.removeprefix("w-")
        traits = {"name": f"{company.title()} Inc.", "domain": f"https://www.{company}.example", "employees": 40}
        at = joined + timedelta(minutes=2)
        yield call("group", at, person.user, person.browser, group=person.workspace, properties=traits)
    for number in range(chance.randint(4, 12)):
        at = joined + timedelta(minutes=3) + number * (ARRIVED - joined - timedelta(minutes=4)) / 13
        name, properties = _work(chance, everybody)
        anonymous = person.browser if number % 4 else None  # the others the backend sent
        yield call("track", at, person.user, anonymous, name=name, group=person.workspace, properties=properties)
        if number % 3 == 0:
            yield call(
                "page", at + timedelta(seconds=9), person.user, person.browser, name="/docs", group=person.workspace
            )


def _work(chance: random.Random, everybody: Sequence[Person]) -> tuple[str, dict[str, Any]]:
    return chance.choice(
        [
            ("Signed In", {"method": "password"}),
            ("Dashboard Created", {"from_template": chance.random() < 0.5}),
            (
                "Data Source Connected",
                {
                    "environment": chance.choice(["production", "sample"]),
                    "rows": chance.randint(1, 10**6),
                    "type": "s3",
                },
            ),
            ("Teammate Invited", {"invitee_email": chance.choice(everybody).email, "department": "Finance"}),
        ]
    )


def write(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """A table of rows; a column that no row fills is not there, as vendors have it."""
    schema, _ = table.split(".")
    columns = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if any(row.get(name) is not None for row in rows)
    ]
    connection.execute(f"create schema if not exists {schema}")
    connection.register("incoming", pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows]))
    connection.execute(f"create table {table} as from incoming")


def write_segment(connection: duckdb.DuckDBPyConnection, schema: str = "segment") -> None:
    """Segment's warehouse schema; RudderStack's is the same, with a column for the channel."""
    tables: dict[str, list[Row]] = {}
    for call in history():
        row: Row = {
            "id": call.id, "user_id": call.user, "anonymous_id": call.anonymous, "timestamp": call.at,
            "original_timestamp": call.at + call.ahead, "sent_at": ARRIVED + call.ahead, "received_at": ARRIVED,
        }  # fmt: skip
        if schema == "rudderstack":
            row["channel"] = "web" if call.anonymous else "server"
        if call.kind == "track":
            event = str(call.name).lower().replace(" ", "_")
            own = row | {"event": event, "event_text": call.name, "context_group_id": call.group}
            tables.setdefault("tracks", []).append(own)
            tables.setdefault(event, []).append(own | call.properties)
        elif call.kind == "page":
            tables.setdefault("pages", []).append(row | {"path": call.name, "context_group_id": call.group})
        elif call.kind == "identify":
            tables.setdefault("identifies", []).append(row | call.properties)
        elif call.kind == "group":
            tables.setdefault("groups", []).append(row | {"group_id": call.group} | call.properties)
        else:
            tables.setdefault("aliases", []).append(row | {"previous_id": call.previous})
    for table, rows in tables.items():
        write(connection, f"{schema}.{table}", rows)


def write_rudderstack(connection: duckdb.DuckDBPyConnection) -> None:
    write_segment(connection, "rudderstack")


def write_amplitude(connection: duckdb.DuckDBPyConnection) -> None:
    """Every event repeats what the user's and the group's properties are; an alias is a merge of two users."""
    by_user, by_browser = _by(lambda person: person.user), _by(lambda person: person.browser)
    numbers = {person.user: 1000 + number for number, person in enumerate(people())}
    events: list[Row] = []
    merges: list[Row] = []
    traits: dict[str | None, Mapping[str, Any]] = {}
    companies: dict[str | None, Mapping[str, Any]] = {}
    for delivery, call in enumerate(history()):
        if call.kind == "alias":
            person = by_user[str(call.user)]
            merged = {"amplitude_id": numbers[person.user] + 5000, "merged_amplitude_id": numbers[person.user]}
            merges.append(merged | {"merge_event_time": call.at, "merge_server_time": ARRIVED})
            continue
        if call.kind == "identify":
            traits[call.user] = call.properties
        if call.kind == "group":
            companies[call.group] = call.properties
        known = by_user.get(str(call.user)) or by_browser.get(str(call.anonymous))
        phone = 5000 if known is None else 0
        person = known or next(person for person in people() if person.second_device == call.anonymous)
        name = {"page": "[Amplitude] Page Viewed", "identify": "$identify", "group": "$identify"}.get(
            call.kind, call.name
        )
        own = (
            {"[Amplitude] Page Path": call.name}
            if call.kind == "page"
            else call.properties
            if call.kind == "track"
            else {}
        )
        events.append(
            {
                "uuid": f"uuid-{delivery}", "_insert_id": call.id, "amplitude_id": numbers[person.user] + phone,
                "user_id": call.user, "device_id": call.anonymous, "event_type": name, "event_time": call.at,
                "client_event_time": call.at + call.ahead, "client_upload_time": ARRIVED + call.ahead,
                "server_received_time": ARRIVED, "server_upload_time": ARRIVED, "event_properties": json.dumps(own),
                "user_properties": json.dumps(dict(traits.get(call.user, {}))),
                "groups": json.dumps({"company": [call.group]} if call.group else {}),
                "group_properties": json.dumps({"company": {call.group: companies[call.group]}} if call.group else {}),
            }
        )  # fmt: skip
    write(connection, "amplitude.event", events)
    write(connection, "amplitude.merge_ids", merges)


def write_mixpanel(connection: duckdb.DuckDBPyConnection) -> None:
    """The JSON pipeline. A workspace is a property; there is no call about it."""
    events: list[Row] = []
    mappings: list[Row] = []
    for call in history():
        properties: Row = {"mp_processing_time_ms": round((ARRIVED - EPOCH).total_seconds() * 1000)}
        row: Row = {"time": call.at, "insert_id": call.id, "user_id": call.user, "device_id": call.anonymous}
        row["distinct_id"] = call.user or f"$device:{call.anonymous}"
        if call.group:
            properties["company"] = call.group
        if call.kind == "group":
            continue
        if call.kind == "page":
            row["event_name"] = "$mp_web_page_view"
            properties["current_url_path"] = call.name
        elif call.kind == "identify":
            row["event_name"] = "$identify"
            properties |= {"$identified_id": call.user, "$anon_id": f"$device:{call.anonymous}"}
        elif call.kind == "alias":
            row["event_name"] = "$create_alias"
            properties["alias"] = f"$device:{call.previous}"
            mappings.append({"distinct_id": f"$device:{call.previous}", "resolved_distinct_id": call.user})
        else:
            row["event_name"] = call.name
            properties |= call.properties
        events.append(row | {"properties": json.dumps(properties)})
    profiles = [
        {
            "distinct_id": person.user,
            "properties": json.dumps({"$email": person.email, "$name": person.user.title(), "title": person.title}),
        }
        for person in people()
    ]
    write(connection, "mixpanel.mp_master_event", events)
    write(connection, "mixpanel.mp_people_data", profiles)
    write(connection, "mixpanel.mp_identity_mappings_data", mappings)


def write_posthog(connection: duckdb.DuckDBPyConnection) -> None:
    """The batch export of events."""
    rows: list[Row] = []
    for call in history():
        distinct, properties = call.user or call.anonymous, dict(call.properties)
        if call.anonymous:
            properties["$device_id"] = call.anonymous
        if call.group:
            properties["$groups"] = {"company": call.group}
        name = call.name
        if call.kind == "page":
            name, properties["$pathname"] = "$pageview", call.name
        elif call.kind == "identify":
            name, properties = "$identify", {"$anon_distinct_id": call.anonymous, "$set": dict(call.properties)}
        elif call.kind == "group":
            name = "$groupidentify"
            properties = {"$group_type": "company", "$group_key": call.group, "$group_set": dict(call.properties)}
        elif call.kind == "alias":
            name, properties = "$create_alias", {"alias": call.previous}
        rows.append(
            {
                "uuid": call.id, "event": name, "distinct_id": distinct, "properties": json.dumps(properties),
                "timestamp": call.at, "bq_ingested_timestamp": ARRIVED,
            }
        )  # fmt: skip
    write(connection, "posthog.events", rows)


MAPPING = """
name: own_backend
tables:
  events:
    - files: [events.ndjson]
      columns:
        event_id: message
        event_type: kind
        event_name: called
        user_id: {column: user, optional: true}
        anonymous_id: {column: anonymous, optional: true}
        group_id: {column: workspace, optional: true}
        email: {column: email, optional: true}
        occurred_at: at
"""


def write_backend(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """A file of one's own events, imported."""
    lines = [
        {
            "message": call.id, "kind": call.kind, "called": call.name or call.kind, "user": call.user,
            "anonymous": call.anonymous or call.previous, "workspace": call.group, "at": call.at.isoformat(),
            **call.properties,
        }
        for call in history()
    ]  # fmt: skip
    (folder / "events.ndjson").write_text("\n".join(json.dumps(line) for line in lines))
    (folder / "mapping.yml").write_text(MAPPING)
    summary = import_files(connection, folder / "mapping.yml", ARRIVED)
    assert not any(table.quarantined for table in summary.tables)


def _by(key: Any) -> dict[str, Person]:
    return {key(person): person for person in people()}


def once(calls: Iterable[Message]) -> list[Message]:
    """Each call once."""
    return list({call.id: call for call in calls}.values())
