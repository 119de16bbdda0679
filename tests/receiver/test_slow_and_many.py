"""Senders that are slow, and more of them than the disk takes: they are cut or turned away, the others are served."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ingest.receiver.application import ARRIVING_BYTES, BODY_SECONDS, Receiver
from ingest.receiver.durable_log import DurableLog
from ingest.receiver.gate import Suppressed
from ingest.receiver.group_commit import GroupCommit
from ingest.receiver.sources import read_sources
from ingest.receiver.storage import Folder
from tests.receiver.test_gate import SOURCES, basic, track

SENDERS = 1_000 if os.environ.get("PQL_TEST_FULL") else 200
BODY = json.dumps({"batch": [track()]}).encode()


class WaitingDisk(Folder):
    """A disk whose syncs wait until they are let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_sync = threading.Event()

    def sync(self, file: int) -> None:
        assert self.may_sync.wait(60)
        super().sync(file)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[WaitingDisk]:
    found = WaitingDisk(tmp_path / "inbox")
    yield found
    found.may_sync.set()


async def send(receiver: Receiver, chunks: list[bytes], *, is_whole: bool = True) -> dict[str, Any]:
    """Send chunks of a body, and then nothing more where it is not whole; the start of the answer."""
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not chunks:
            await asyncio.Event().wait()
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks) or not is_whole}

    async def answer(message: Any) -> None:
        told.append(message)

    headers = [(name.lower().encode(), value.encode()) for name, value in basic("OLD").items()]
    scope = {"type": "http", "method": "POST", "path": "/web/v1/batch", "query_string": b"", "headers": headers}
    await receiver(scope, receive, answer)
    return told[0]


def receiver_on(disk: WaitingDisk, home: Path, waiting_bytes: int) -> tuple[Receiver, GroupCommit]:
    (home / "receiver.toml").write_text(SOURCES)
    names = count()
    commit = GroupCommit(DurableLog(disk, lambda: f"{next(names):06d}"), waiting_bytes)
    return Receiver(read_sources(home / "receiver.toml"), commit, Suppressed(home / "none")), commit


def test_C8_bodies_that_do_not_arrive_are_cut_and_delay_nobody(disk: WaitingDisk, tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        clock, passed = loop.time, 0.0
        loop.time = lambda: clock() + passed
        disk.may_sync.set()
        receiver, commit = receiver_on(disk, tmp_path, 2**20)
        slow = [asyncio.create_task(send(receiver, [BODY[:5]], is_whole=False)) for _ in range(SENDERS)]
        healthy = await send(receiver, [BODY[:9], BODY[9:]])
        assert healthy["status"] == 200
        assert not any(task.done() for task in slow), "the healthy one waited for none of them"
        passed = BODY_SECONDS
        done, waiting = await asyncio.wait(slow, timeout=BODY_SECONDS)
        assert not waiting
        assert {task.result()["status"] for task in done} == {408}
        assert (await send(receiver, [BODY]))["status"] == 200
        await commit.close()

    asyncio.run(scenario())


def test_C9_over_capacity_new_requests_are_turned_away_and_those_taken_are_kept(
    disk: WaitingDisk, tmp_path: Path
) -> None:
    async def scenario() -> None:
        capacity = 100 * len(BODY)
        receiver, commit = receiver_on(disk, tmp_path, capacity)
        first = asyncio.create_task(send(receiver, [BODY]))
        while commit._waiting or commit._writer is None:  # the first group is at the disk, which takes no more
            await asyncio.sleep(0)
        many = [asyncio.create_task(send(receiver, [BODY])) for _ in range(SENDERS)]
        turned_away: set[asyncio.Task[dict[str, Any]]] = set()
        async with asyncio.timeout(60):
            while len(turned_away) < SENDERS - 100:
                await asyncio.sleep(0)
                turned_away = {task for task in many if task.done()}
        assert commit._waiting_bytes <= capacity
        for task in turned_away:
            answer = task.result()
            assert answer["status"] == 503
            assert dict(answer["headers"])[b"retry-after"] == b"1"
        disk.may_sync.set()
        taken = await asyncio.gather(first, *(task for task in many if task not in turned_away))
        assert {answer["status"] for answer in taken} == {200}
        assert (await send(receiver, [BODY]))["status"] == 200
        await commit.close()

    asyncio.run(scenario())


def test_C9_bodies_that_do_not_end_take_so_much_memory_and_no_more(disk: WaitingDisk, tmp_path: Path) -> None:
    async def scenario() -> None:
        disk.may_sync.set()
        receiver, commit = receiver_on(disk, tmp_path, 2**20)
        part = b'{"batch": [' + b" " * 400_000
        fitting = ARRIVING_BYTES // len(part)
        slow = [asyncio.create_task(send(receiver, [part], is_whole=False)) for _ in range(fitting + 20)]
        while sum(task.done() for task in slow) < 20:
            await asyncio.sleep(0)
        turned_away = [task.result() for task in slow if task.done()]
        assert [answer["status"] for answer in turned_away] == [503] * 20
        assert (await send(receiver, [BODY]))["status"] == 200, "a whole body takes no room among them"
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert (await send(receiver, [BODY[:9], BODY[9:]]))["status"] == 200
        await commit.close()

    asyncio.run(scenario())
