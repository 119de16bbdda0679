"""The vendors' own SDKs, each told to send the same: `count` events of people `u0`, `u1`, ... to its own source."""

import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType

import mixpanel
from amplitude import Amplitude, BaseEvent, Config
from posthog import Posthog
from rudderstack.analytics.client import Client as RudderStack
from segment.analytics.client import Client as Segment

NAME = "Report Made"
WHEN = datetime(2024, 3, 1, 12, tzinfo=UTC)
SOURCES = """
[source.segment]
accepts = "segment"
keys = ["KEY"]

[source.rudderstack]
accepts = "rudderstack"
keys = ["KEY"]

[source.segment-node]
accepts = "segment"
keys = ["KEY"]

[source.rudderstack-node]
accepts = "rudderstack"
keys = ["KEY"]

[source.amplitude]
accepts = "amplitude"
keys = ["KEY"]

[source.mixpanel]
accepts = "mixpanel"
keys = ["KEY"]

[source.posthog]
accepts = "posthog"
keys = ["KEY"]
"""

# Yields where something may happen between two halves of the stream.
Sender = Callable[[str, int], Iterator[None]]


def send_by_segment(url: str, count: int) -> Iterator[None]:
    client = Segment("KEY", host=f"{url}/segment", upload_size=20, upload_interval=0.05)
    for number in range(count):
        if number == count // 2:
            yield
        client.track(f"u{number}", NAME, {"number": number}, timestamp=WHEN)
    client.flush()
    client.join()


def send_by_rudderstack(url: str, count: int) -> Iterator[None]:
    client = RudderStack("KEY", host=f"{url}/rudderstack", upload_size=20, upload_interval=0.05)
    for number in range(count):
        if number == count // 2:
            yield
        client.track(f"u{number}", NAME, {"number": number}, timestamp=WHEN)
    client.flush()
    client.join()


def send_by_amplitude(url: str, count: int) -> Iterator[None]:
    told: list[int] = []
    client = amplitude_client(f"{url}/amplitude/2/httpapi", told)
    for number in range(count):
        if number == count // 2:
            yield
        client.track(
            BaseEvent(NAME, f"u{number}", event_properties={"number": number}, time=int(WHEN.timestamp() * 1000))
        )
    deliver_by_amplitude(client, told, count)


def amplitude_client(server_url: str, told: list[int]) -> Amplitude:
    """A client that writes down the code by which it was told of each event."""
    return Amplitude(
        "KEY",
        Config(
            server_url=server_url,
            flush_queue_size=20,
            flush_interval_millis=50,
            callback=lambda event, code, message: told.append(code),
        ),
    )


def deliver_by_amplitude(client: Amplitude, told: list[int], count: int) -> None:
    """Flush until so many events were taken, and shut the client down."""
    deadline = time.monotonic() + 60
    while len(told) < count and time.monotonic() < deadline:  # a flush does not wait for what is tried again
        client.flush()
        time.sleep(0.05)
    assert told == [200] * count
    client.shutdown()


def send_by_mixpanel(url: str, count: int) -> Iterator[None]:
    address = f"{url}/mixpanel"
    urls = {"events_url": f"{address}/track", "people_url": f"{address}/engage", "import_url": f"{address}/import"}
    consumer = mixpanel.BufferedConsumer(max_size=20, **urls, retry_limit=8, retry_backoff_factor=0.1)
    # It sends again over https alone, so the same is asked of it over http.
    session = consumer._consumer._session
    session.mount("http://", session.get_adapter("https://"))
    client = mixpanel.Mixpanel("KEY", consumer=consumer)
    for number in range(count):
        if number == count // 2:
            yield
        client.track(f"u{number}", NAME, {"number": number, "time": WHEN.timestamp()})
    consumer.flush()


def send_by_posthog(url: str, count: int) -> Iterator[None]:
    client = Posthog("KEY", host=f"{url}/posthog", flush_at=20, flush_interval=0.05, gzip=True)
    for number in range(count):
        if number == count // 2:
            yield
        client.capture(NAME, distinct_id=f"u{number}", properties={"number": number}, timestamp=WHEN)
    client.flush()
    client.shutdown()


def send_by_node(installed: Path, script: str, url: str, count: int) -> Iterator[None]:
    """An SDK for Node, by a script of `node_sdks/`. It ends badly where an event was not delivered."""
    process = subprocess.Popen(
        ["node", script, url, str(count)], cwd=installed, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        while line := process.stdout.readline():
            if line == "half\n":
                yield
                break
        process.communicate("go on\n", timeout=60)
        assert process.returncode == 0, f"{script} gave up"
    finally:
        process.kill()


def senders_by_node(installed: Path) -> dict[str, Sender]:
    """As `SENDERS`, of the SDKs that npm brought to a folder."""
    return {
        "segment-node": partial(send_by_node, installed, "segment.mjs"),
        "rudderstack-node": partial(send_by_node, installed, "rudderstack.mjs"),
    }


SENDERS: MappingProxyType[str, Sender] = MappingProxyType(
    {
        "segment": send_by_segment,
        "rudderstack": send_by_rudderstack,
        "amplitude": send_by_amplitude,
        "mixpanel": send_by_mixpanel,
        "posthog": send_by_posthog,
    }
)
