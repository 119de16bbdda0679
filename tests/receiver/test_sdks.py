"""The vendors' own SDKs on loopback: every event lands exactly once, whatever goes wrong on the way."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from ingest.loader.duckdb_warehouse import DuckDBWarehouse
from ingest.loader.load import load_segments
from tests.receiver.processes import LyingProxy, ReceiverProcess
from tests.receiver.sdks import NAME, SENDERS, SOURCES

COUNT = 120


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
            from receiver.events where source = ? and event_name = ? and occurred_at < received_at
            group by all order by number
            """,
            [sdk, NAME],
        ).fetchall()


@pytest.mark.parametrize("sdk", SENDERS)
def test_C12_every_event_of_an_sdk_lands_once_also_when_a_stored_batch_is_answered_with_500_or_not_at_all(
    receiver: ReceiverProcess, sdk: str
) -> None:
    # Amplitude's SDK sends again after a 500, and gives up where no answer comes at all.
    dropping = "500" if sdk == "amplitude" else "drop"
    proxy = LyingProxy(receiver.port, lambda number: {1: "500", 3: dropping}.get(number, ""))
    for _ in SENDERS[sdk](f"http://127.0.0.1:{proxy.port}", COUNT):
        pass
    proxy.close()
    assert receiver.stop() == 0
    assert proxy.lies == 2
    assert landed(receiver.home, sdk) == [(f"u{number}", number, 1) for number in range(COUNT)]


@pytest.mark.parametrize("sdk", SENDERS)
def test_C1_C10_every_event_of_an_sdk_lands_once_when_the_receiver_is_killed_mid_stream(
    receiver: ReceiverProcess, sdk: str
) -> None:
    proxy = LyingProxy(receiver.port, lambda number: "")
    for _ in SENDERS[sdk](f"http://127.0.0.1:{proxy.port}", COUNT):
        receiver.kill()
        receiver.start()
    proxy.close()
    receiver.stop()
    assert landed(receiver.home, sdk) == [(f"u{number}", number, 1) for number in range(COUNT)]
