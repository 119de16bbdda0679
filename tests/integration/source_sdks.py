"""The same history sent by the vendors' own SDKs, on loopback, to a receiver at which everything arrives at one moment.

The SDKs write the times themselves: each has a clock that is as wrong as the client's, at the time of the call where it
is called, at the time of sending where it sends. Where an SDK cannot say something, the reason stands with what is said
instead.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta, tzinfo
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import NAMESPACE_URL, uuid5

import mixpanel
from amplitude import Amplitude, BaseEvent, EventOptions, Identify
from posthog import Posthog
from rudderstack.analytics.client import Client as RudderStack
from segment.analytics.client import Client as Segment

from tests.integration.source_history import ARRIVED, EPOCH, Message, Row, people
from tests.integration.source_requests import milliseconds
from tests.receiver.conftest import Installation
from tests.receiver.sdks import amplitude_client, deliver_by_amplitude

BY_NODE = ("segment-node", "rudderstack-node")
# Those that say when they send come first: `shares` deals the wrong clocks out from the front.
SDKS = ("segment", "rudderstack", "posthog", *BY_NODE, "amplitude", "mixpanel")
# Neither SDK says when it sends, so nobody could tell that its clock is wrong: theirs are right.
SAY_NOT_WHEN_THEY_SEND = frozenset(("amplitude", "mixpanel"))
RECEIVER = "\n".join(
    f'[source.{sdk}]\naccepts = "{sdk.removesuffix("-node")}"\nkeys = ["KEY"]\ngroup = "company"\n' for sdk in SDKS
)
# Where an SDK for Python looks at the clock.
LOOKED_AT: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "segment": ("segment.analytics.client.datetime", "segment.analytics.request.datetime"),
        "rudderstack": ("rudderstack.analytics.client.datetime", "rudderstack.analytics.request.datetime"),
        "posthog": ("posthog.client.datetime", "posthog.request.datetime"),
        "amplitude": ("amplitude.utils.time",),
        "mixpanel": ("mixpanel.time",),
    }
)


class Clock(threading.local):
    """The time of the call in the thread that calls, and in every thread that an SDK started the time of sending."""

    def __init__(self, sending: datetime) -> None:
        self.moment = sending

    def time(self) -> float:
        return (self.moment - EPOCH).total_seconds()


Caller = Callable[[Message], None]
Client = Callable[[str], AbstractContextManager[Caller]]


def send(sdk: str, installed: Path | None, installation: Installation, calls: Sequence[Message]) -> None:
    """Sends the calls, by a client for each of the wrong clocks. `installed` is the folder with the SDKs for Node.

    Fails where a request was not taken.
    """
    right = sdk in SAY_NOT_WHEN_THEY_SEND
    with listening(installation) as url:
        for ahead in sorted({timedelta(0) if right else call.ahead for call in calls}):
            own = [call for call in calls if right or call.ahead == ahead]
            if sdk in BY_NODE:
                assert installed is not None
                send_by_node(installed, sdk, f"{url}/{sdk}", own, ahead)
            else:
                send_by_python(sdk, f"{url}/{sdk}", own, ahead)


@contextmanager
def listening(installation: Installation) -> Iterator[str]:
    """The address of a server that gives the application each request as it came, and twice; its clock stands still."""
    statuses: list[int] = []
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with one_at_a_time:
                installation.post(self.path, body, dict(self.headers))
                answer = installation.post(self.path, body, dict(self.headers))
                statuses.append(answer.status)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name.decode(), value.decode())
            self.end_headers()
            self.wfile.write(answer.body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert statuses
    assert set(statuses) == {200}


def send_by_python(sdk: str, url: str, calls: Sequence[Message], ahead: timedelta) -> None:
    """By an SDK for Python whose clock is `ahead`."""
    clock = Clock(ARRIVED + ahead)
    with looking_at(clock, sdk), CLIENTS[sdk](url) as caller:
        for call in calls:
            clock.moment = call.at + ahead
            caller(call)
        clock.moment = ARRIVED + ahead


@contextmanager
def looking_at(clock: Clock, sdk: str) -> Iterator[None]:
    """While it lasts, the SDK looks at this clock."""

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Moved":
            assert tz is not None
            return cls.fromtimestamp(clock.time(), tz)

    with ExitStack() as patched:
        for name in LOOKED_AT[sdk]:
            patched.enter_context(patch(name, Moved if name.endswith("datetime") else SimpleNamespace(time=clock.time)))
        yield


@contextmanager
def by_segment(url: str) -> Iterator[Caller]:
    client = Segment("KEY", host=url, gzip=True, upload_size=20, upload_interval=0.05)
    yield partial(call_segment, client)
    client.shutdown()


@contextmanager
def by_rudderstack(url: str) -> Iterator[Caller]:
    client = RudderStack("KEY", host=url, upload_size=20, upload_interval=0.05)
    yield partial(call_segment, client)
    client.shutdown()


def call_segment(client: Segment | RudderStack, call: Message) -> None:
    """RudderStack's client is called as Segment's is."""
    more: Row = {"message_id": call.id, "context": {"groupId": call.group} if call.group else {}}
    if call.kind == "alias":
        client.alias(call.previous, call.user, **more)
        return
    more["anonymous_id"] = call.anonymous
    if call.kind == "track":
        client.track(call.user, call.name, dict(call.properties), **more)
    elif call.kind == "page":
        client.page(call.user, properties={"path": call.name}, **more)
    elif call.kind == "identify":
        client.identify(call.user, dict(call.properties), **more)
    else:
        client.group(call.user, call.group, dict(call.properties), **more)


@contextmanager
def by_posthog(url: str) -> Iterator[Caller]:
    client = Posthog("KEY", host=url, flush_at=20, flush_interval=0.05, gzip=True)
    yield partial(call_posthog, client)
    client.shutdown()


def call_posthog(client: Posthog, call: Message) -> None:
    """A log-in is two calls, which set the properties and join the browser. Ids that are no UUID it would not take."""
    own: Row = {"uuid": _uuid(call.id)}
    if call.kind == "identify":
        client.set(distinct_id=call.user, properties=dict(call.properties), **own)
        client.alias(previous_id=str(call.anonymous), distinct_id=call.user, uuid=_uuid(f"{call.id}-alias"))
    elif call.kind == "alias":
        client.alias(previous_id=str(call.previous), distinct_id=call.user, **own)
    elif call.kind == "group":
        client.group_identify("company", str(call.group), dict(call.properties), distinct_id=call.user, **own)
    else:
        name, properties = ("$pageview", {"$pathname": call.name}) if call.kind == "page" else (call.name, {})
        known = {"$device_id": call.anonymous} if call.user else {"$process_person_profile": False}
        groups = {"company": call.group} if call.group else None
        properties |= dict(call.properties) | {key: value for key, value in known.items() if value is not None}
        client.capture(str(name), distinct_id=call.user or call.anonymous, properties=properties, groups=groups, **own)


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


@contextmanager
def by_amplitude(url: str) -> Iterator[Caller]:
    called: list[Message] = []
    told: list[int] = []
    client = amplitude_client(f"{url}/2/httpapi", told)

    def caller(call: Message) -> None:
        called.append(call)
        call_amplitude(client, call)

    yield caller
    deliver_by_amplitude(client, told, len(called))


def call_amplitude(client: Amplitude, call: Message) -> None:
    """It has no alias: a log-in on another device says again who the user is, with that device's id."""
    options = EventOptions(user_id=call.user, device_id=call.anonymous or call.previous, insert_id=call.id)
    if call.kind in ("identify", "alias"):
        person = next(person for person in people() if person.user == call.user)
        client.identify(_identify(person.traits), options)
    elif call.kind == "group":
        client.group_identify("company", str(call.group), _identify(call.properties), options)
    else:
        event = BaseEvent(
            "[Amplitude] Page Viewed" if call.kind == "page" else str(call.name),
            event_properties={"[Amplitude] Page Path": call.name} if call.kind == "page" else dict(call.properties),
            groups={"company": str(call.group)} if call.group else None,
        )
        event.load_event_options(options)
        client.track(event)


def _identify(properties: Mapping[str, Any]) -> Identify:
    found = Identify()
    for name, value in properties.items():
        found.set(name, value)
    return found


@contextmanager
def by_mixpanel(url: str) -> Iterator[Caller]:
    consumer = mixpanel.BufferedConsumer(
        max_size=20,
        events_url=f"{url}/track",
        people_url=f"{url}/engage",
        groups_url=f"{url}/groups",
        import_url=f"{url}/import",
    )
    yield partial(call_mixpanel, mixpanel.Mixpanel("KEY", consumer=consumer))
    consumer.flush()


def call_mixpanel(client: mixpanel.Mixpanel, call: Message) -> None:
    """Its `alias` sends to Mixpanel's own address whatever it was told: `merge` says the same.

    What it says of people and groups has no id. A log-in is known by an event that names user and device.
    """
    if call.kind == "identify":
        traits = {name if name == "title" else f"${name}": value for name, value in call.properties.items()}
        client.people_set(call.user, traits)
    elif call.kind == "group":
        client.group_set("company", call.group, dict(call.properties))
    elif call.kind == "alias":
        client.merge(None, call.user, f"$device:{call.previous}")
    else:
        name, own = ("$mp_web_page_view", {"current_url_path": call.name}) if call.kind == "page" else (call.name, {})
        own |= {"$user_id": call.user, "$device_id": call.anonymous, "company": call.group}
        properties = {key: value for key, value in own.items() if value} | dict(call.properties)
        client.track(call.user or f"$device:{call.anonymous}", name, properties | {"$insert_id": call.id})


CLIENTS: MappingProxyType[str, Client] = MappingProxyType(
    {
        "segment": by_segment,
        "rudderstack": by_rudderstack,
        "posthog": by_posthog,
        "amplitude": by_amplitude,
        "mixpanel": by_mixpanel,
    }
)


def send_by_node(installed: Path, sdk: str, url: str, calls: Sequence[Message], ahead: timedelta) -> None:
    """By an SDK for Node whose clock is `ahead`, with a script of `node_sdks/`."""
    lines = [
        json.dumps({"at": milliseconds(call.at + ahead), "kind": call.kind, "message": _message(call)})
        for call in calls
    ]
    done = subprocess.run(
        ["node", f"{sdk.removesuffix('-node')}_history.mjs", url, str(milliseconds(ARRIVED + ahead))],
        cwd=installed,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _message(call: Message) -> Row:
    """What both SDKs for Node are called with."""
    said: Row = {
        "messageId": call.id, "userId": call.user, "anonymousId": call.anonymous, "previousId": call.previous,
        "context": {"groupId": call.group} if call.group else None,
    }  # fmt: skip
    if call.kind == "track":
        said |= {"event": call.name, "properties": dict(call.properties)}
    elif call.kind == "page":
        said["properties"] = {"path": call.name}
    elif call.kind != "alias":
        said |= {"traits": dict(call.properties), "groupId": call.group if call.kind == "group" else None}
    return {name: value for name, value in said.items() if value is not None}
