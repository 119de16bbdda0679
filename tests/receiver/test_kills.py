"""The receiver killed again and again under load: what it acknowledged is in the warehouse, once."""

import asyncio
import json
import os
from datetime import datetime
from itertools import count
from pathlib import Path

import duckdb

from ingest.loader.duckdb_warehouse import DuckDBWarehouse
from ingest.loader.load import load_segments
from tests.receiver.processes import ReceiverProcess
from tests.receiver.sdks import SOURCES

KILLS = 200 if os.environ.get("PQL_TEST_FULL") else 10
BATCH = 100
SECONDS_BETWEEN_KILLS = 0.25


def test_C1_acknowledged_is_durable_and_loaded_once_over_many_kills(tmp_path: Path) -> None:
    receiver = ReceiverProcess(tmp_path, SOURCES, seal_seconds=0.1)
    numbers = count()
    acknowledged: list[int] = []
    stopped = asyncio.Event()

    async def send_until_stopped() -> None:
        while not stopped.is_set():
            first = next(numbers) * BATCH
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
                while not stopped.is_set():
                    writer.write(request(first))
                    answer = await reader.readuntil(b'{"success": true}')
                    assert answer.startswith(b"HTTP/1.1 200")
                    acknowledged.append(first)
                    first = next(numbers) * BATCH
                writer.close()
            except (ConnectionError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.01)

    async def kill_again_and_again() -> None:
        for _ in range(KILLS):
            await asyncio.sleep(SECONDS_BETWEEN_KILLS)
            receiver.kill()
            await asyncio.to_thread(receiver.start)
        stopped.set()

    async def scenario() -> None:
        await asyncio.gather(kill_again_and_again(), *(send_until_stopped() for _ in range(8)))

    receiver.start()
    asyncio.run(scenario())
    assert receiver.stop() == 0

    with duckdb.connect(str(tmp_path / "pql.duckdb")) as warehouse:
        summaries = list(load_segments(DuckDBWarehouse(warehouse), tmp_path, datetime(2026, 1, 1)))  # noqa: DTZ001 (UTC without a zone)
        assert not any(summary.is_damaged for summary in summaries)
        assert sum(not summary.is_sealed for summary in summaries) >= KILLS // 2, "kills left segments without an end"
        found = warehouse.execute("select message_id from receiver.events").fetchall()
    loaded = {row[0] for row in found}
    assert len(loaded) == len(found), "an event is there twice"
    missing = [first for first in acknowledged if not {f"m{first + at}" for at in range(BATCH)} <= loaded]
    assert acknowledged
    assert missing == []


def request(first: int) -> bytes:
    batch = [
        {"type": "track", "event": "Did", "userId": "u", "messageId": f"m{first + number}"} for number in range(BATCH)
    ]
    body = json.dumps({"batch": batch, "writeKey": "KEY"}).encode()
    return f"POST /segment/v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
