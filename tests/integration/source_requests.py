"""The same history as each vendor's SDK would have sent it, and as its export archives would hold it."""

import gzip
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.integration.source_history import ARRIVED, EPOCH, Message, Row, people

EXPORTS = ("app-export", "panel-export")
PROTOCOLS = ("web", "app", "panel", "hog", *EXPORTS)
RECEIVER = """
[source.web]
accepts = "segment"
keys = ["KEY"]

[source.app]
accepts = "amplitude"
keys = ["KEY"]
group = "company"

[source.panel]
accepts = "mixpanel"
keys = ["KEY"]
group = "company"

[source.hog]
accepts = "posthog"
keys = ["KEY"]
group = "company"
"""


def shares(calls: Sequence[Message], ways: Sequence[str]) -> dict[str, list[Message]]:
    """The calls by the way in which they are sent: each person is with one vendor, each company with several.

    Those with a second device are dealt out first, and of each those whose clock is wrong: then every way gets some.
    """
    found: dict[str, list[Message]] = {way: [] for way in ways}
    with_two = [person for person in people() if person.second_device]
    with_one = [person for person in people() if not person.second_device]
    for dealt in (with_two, with_one):
        for number, person in enumerate(sorted(dealt, key=lambda person: not person.ahead)):
            own = {person.user, person.browser, person.second_device} - {None}
            found[ways[number % len(ways)]] += [call for call in calls if {call.user, call.anonymous} & own]
    return found


def requests(protocol: str, calls: Sequence[Message]) -> Iterator[tuple[str, Any]]:
    """Path and body of each request, one for each client's clock."""
    for ahead in sorted({call.ahead for call in calls}):
        own = [call for call in calls if call.ahead == ahead]
        sent = _written(ARRIVED + ahead)
        if protocol == "web":
            yield "/web/v1/batch", {"batch": [_segment(call) for call in own], "sentAt": sent, "writeKey": "KEY"}
        elif protocol == "app":
            yield "/app/2/httpapi", {"events": _amplitude(own), "client_upload_time": sent, "api_key": "KEY"}
        elif protocol == "hog":
            yield "/hog/batch/", {"batch": [_posthog(call) for call in own], "sent_at": sent, "api_key": "KEY"}
        elif protocol == "panel":
            yield "/panel/track", _mixpanel(own)
    if protocol.startswith("panel"):
        yield "/panel/engage", [_profile(call) for call in calls if call.kind == "identify"]
        yield "/panel/groups", [_group_profile(call) for call in calls if call.kind == "group"]


def write_export(folder: Path, protocol: str, calls: Sequence[Message]) -> Path | None:
    """The file that the vendor's export gives of the calls, where they are brought that way."""
    path = folder / protocol
    if protocol == "app-export":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("1/1_hour.json.gz", gzip.compress(_lines(_exported_by_amplitude(calls))))
    elif protocol == "panel-export":
        path.write_bytes(gzip.compress(_lines(_mixpanel(calls))))
    else:
        return None
    return path


def _lines(rows: Sequence[Row]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def _segment(call: Message) -> Row:
    own = "traits" if call.kind in ("identify", "group") else "properties"
    sent: Row = {
        "type": call.kind, "messageId": call.id, "userId": call.user, "anonymousId": call.anonymous,
        "originalTimestamp": _written(call.at + call.ahead), own: dict(call.properties),
        "context": {"groupId": call.group} if call.group else {},
    }  # fmt: skip
    if call.kind == "track":
        sent["event"] = call.name
    elif call.kind == "page":
        sent["properties"] = {"path": call.name}
    elif call.kind == "group":
        sent["groupId"] = call.group
    elif call.kind == "alias":
        sent["previousId"] = call.previous
    return sent


def _amplitude(calls: Sequence[Message]) -> list[Row]:
    """Nobody is aliased: a log-in on another device sends the user's id with that device's."""
    events: list[Row] = []
    for call in calls:
        event: Row = {
            "insert_id": call.id, "user_id": call.user, "device_id": call.anonymous or call.previous,
            "time": milliseconds(call.at + call.ahead), "groups": {"company": [call.group]} if call.group else {},
        }  # fmt: skip
        if call.kind == "page":
            own: Row = {"event_type": "[Amplitude] Page Viewed"}
            own["event_properties"] = {"[Amplitude] Page Path": call.name}
        elif call.kind == "group":
            own = {"event_type": "$groupidentify", "group_properties": {"$set": dict(call.properties)}}
        elif call.kind == "track":
            own = {"event_type": call.name, "event_properties": dict(call.properties)}
        else:
            own = {"event_type": "$identify", "user_properties": {"$set": dict(call.properties)}}
        events.append(event | own)
    return events


def _exported_by_amplitude(calls: Sequence[Message]) -> list[Row]:
    """As sent, with the times by Amplitude's clock, and with what was true of user and group at the time."""
    rows: list[Row] = []
    traits: dict[str | None, Mapping[str, Any]] = {}
    companies: dict[str | None, Mapping[str, Any]] = {}
    for number, (call, event) in enumerate(zip(calls, _amplitude(calls), strict=True)):
        if call.kind == "identify":
            traits[call.user] = call.properties
        if call.kind == "group":
            companies[call.group] = call.properties
        rows.append(
            {
                "$insert_id": event.pop("insert_id"), "uuid": f"uuid-{number}", "event_time": str(call.at),
                "client_event_time": str(call.at + call.ahead), "client_upload_time": str(ARRIVED + call.ahead),
                "server_received_time": str(ARRIVED), "server_upload_time": str(ARRIVED),
                **event,
                "event_type": "Joined" if call.kind == "group" else event["event_type"],
                "user_properties": dict(traits.get(call.user, {})),
                "group_properties": {"company": {call.group: dict(companies.get(call.group, {}))}},
            }
        )  # fmt: skip
    return rows


def _mixpanel(calls: Sequence[Message]) -> list[Row]:
    """Events alone; what is said of people and workspaces are calls of other kinds."""
    events: list[Row] = []
    for call in calls:
        name, properties = call.name, dict(call.properties)
        if call.kind == "page":
            name, properties = "$mp_web_page_view", {"current_url_path": call.name}
        elif call.kind == "identify":
            name, properties = "$identify", {"$anon_distinct_id": f"$device:{call.anonymous}"}
        elif call.kind == "alias":
            name, properties = "$create_alias", {"alias": f"$device:{call.previous}"}
        elif call.kind == "group":
            continue
        properties |= {
            "token": "KEY", "time": milliseconds(call.at) // 1000, "$insert_id": call.id,
            "distinct_id": call.user or f"$device:{call.anonymous}", "mp_processing_time_ms": milliseconds(ARRIVED),
        }  # fmt: skip
        own = {"$user_id": call.user, "$device_id": call.anonymous, "company": call.group}
        events.append({"event": name, "properties": properties | {key: value for key, value in own.items() if value}})
    return events


def _profile(call: Message) -> Row:
    traits = {name if name == "title" else f"${name}": value for name, value in call.properties.items()}
    return {"$token": "KEY", "$distinct_id": call.user, "$time": milliseconds(call.at), "$set": traits}


def _group_profile(call: Message) -> Row:
    who = {"$token": "KEY", "$group_key": "company", "$group_id": call.group, "$time": milliseconds(call.at)}
    return who | {"$set": dict(call.properties)}


def _posthog(call: Message) -> Row:
    """Before the log-in the distinct id is the device's."""
    name, properties = call.name, dict(call.properties)
    if call.anonymous:
        properties["$device_id"] = call.anonymous
    if call.group:
        properties["$groups"] = {"company": call.group}
    if call.kind == "page":
        name, properties["$pathname"] = "$pageview", call.name
    elif call.kind == "identify":
        name, properties = "$identify", {"$anon_distinct_id": call.anonymous, "$set": dict(call.properties)}
    elif call.kind == "group":
        name = "$groupidentify"
        properties = {"$group_type": "company", "$group_key": call.group, "$group_set": dict(call.properties)}
    elif call.kind == "alias":
        name, properties = "$create_alias", {"alias": call.previous}
    return {
        "event": name, "distinct_id": call.user or call.anonymous, "properties": properties, "uuid": call.id,
        "timestamp": _written(call.at + call.ahead),
    }  # fmt: skip


def _written(moment: datetime) -> str:
    return moment.isoformat() + "Z"


def milliseconds(moment: datetime) -> int:
    return round((moment - EPOCH).total_seconds() * 1000)
