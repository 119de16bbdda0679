"""The vendors' own SDKs on loopback: every event lands exactly once, whatever goes wrong on the way."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from ingest.loader.duckdb_warehouse import DuckDBWarehouse
from ingest.loader.load import load_segments
from tests.receiver.node_sdks.installation import FOLDER, installed_by_npm
from tests.receiver.processes import LyingProxy, ReceiverProcess
from tests.receiver.sdks import NAME, SENDERS, SOURCES, Sender, senders_by_node

COUNT = 120
BY_NODE = ("segment-node", "rudderstack-node")


@pytest.fixture(scope="session")
def installed() -> Path:
    return installed_by_npm()


@pytest.fixture
def sender(sdk: str, request: pytest.FixtureRequest) -> Sender:
    return senders_by_node(request.getfixturevalue("installed"))[sdk] if sdk in BY_NODE else SENDERS[sdk]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ReceiverProcess]:
    process = ReceiverProcess(tmp_path, SOURCES, seal_seconds=0.3)
    process.start()
    yield process
    process.stop()


def landed(home: Path, sdk: str) -> list[tuple[str, int, int]]:
    """(user, number, events) of what was loaded; everything acknowledged must be accounted for."""
    with duckdb.connect(str(home / "pql.duckdb")) as warehouse:
        for summary in load_segments(DuckDBWarehouse(warehouse), home, datetime(2026, 1, 1)):  # noqa: DTZ001 (UTC without a zone)
            assert not summary.is_damaged
        assert warehouse.execute("select reason, raw from receiver.quarantine").fetchall() == []
        return warehouse.execute(
            """
            select user_id, cast(json_extract_string(properties, '$.number') as bigint) as number, count(*)
            from receiver.events where source = ? and event_name = ? and occurred_at < timestamp '2024-03-02'
            group by all order by number
            """,
            [sdk, NAME],
        ).fetchall()


@pytest.mark.parametrize("sdk", [*SENDERS, *BY_NODE])
def test_C12_every_event_of_an_sdk_lands_once_also_when_a_stored_batch_is_answered_with_500_or_not_at_all(
    receiver: ReceiverProcess, sdk: str, sender: Sender
) -> None:
    # Amplitude's SDK sends again after a 500, and gives up where no answer comes at all.
    dropping = "500" if sdk == "amplitude" else "drop"
    proxy = LyingProxy(receiver.port, lambda number: {1: "500", 3: dropping}.get(number, ""))
    for _ in sender(f"http://127.0.0.1:{proxy.port}", COUNT):
        pass
    proxy.close()
    assert receiver.stop() == 0
    assert proxy.lies == 2
    assert landed(receiver.home, sdk) == [(f"u{number}", number, 1) for number in range(COUNT)]


@pytest.mark.parametrize("sdk", [*SENDERS, *BY_NODE])
def test_C1_C10_every_event_of_an_sdk_lands_once_when_the_receiver_is_killed_mid_stream(
    receiver: ReceiverProcess, sdk: str, sender: Sender
) -> None:
    proxy = LyingProxy(receiver.port, lambda number: "")
    for _ in sender(f"http://127.0.0.1:{proxy.port}", COUNT):
        receiver.kill()
        receiver.start()
    proxy.close()
    receiver.stop()
    assert landed(receiver.home, sdk) == [(f"u{number}", number, 1) for number in range(COUNT)]


def test_S9_every_package_of_npm_is_hashed_and_no_registry_is_named() -> None:
    packages = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    del packages[""]
    assert len(packages) > 50
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
