"""Many requests, one sync: what arrives while the disk is busy goes to disk together."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ingest.receiver.durable_log import DurableLog, NotDurable, Record

WAITING_BYTES = 64 * 2**20  # more than this waiting for the disk, and new requests are turned away


class Overloaded(RuntimeError):  # noqa: N818 - the name says what is wrong
    """Too much waits for the disk."""


class GroupCommit:
    """Writes records of concurrent requests in groups, by one thread that does nothing else."""

    def __init__(self, log: DurableLog, waiting_bytes: int = WAITING_BYTES) -> None:
        self._log = log
        self._capacity = waiting_bytes
        self._thread = ThreadPoolExecutor(1, "durable-log")
        self._waiting: list[tuple[Sequence[Record], asyncio.Future[None]]] = []
        self._waiting_bytes = 0
        self._writer: asyncio.Task[None] | None = None
        self.is_healthy = True

    async def append(self, records: Sequence[Record]) -> None:
        """Return once the records are durable.

        Raises:
            NotDurable: The disk refused.
            Overloaded: Too much waits already; nothing of this was taken.
        """
        size = sum(len(record.data) for record in records)
        if self._waiting_bytes + size > self._capacity:
            raise Overloaded(f"{self._waiting_bytes} bytes wait for the disk")
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((records, written))
        self._waiting_bytes += size
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_groups())
        await written

    async def seal(self) -> None:
        """Seal the segment once what waits is written."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._log.seal)

    async def close(self) -> None:
        """Write what waits, seal, and stop the thread."""
        while self._writer is not None:
            await self._writer
        await self.seal()
        self._thread.shutdown()

    async def _write_groups(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting, self._waiting_bytes = self._waiting, [], 0
            flat = [record for records, _ in group for record in records]
            failure: NotDurable | None = None
            try:
                await loop.run_in_executor(self._thread, self._log.write, flat)
            except NotDurable as error:
                failure = error
            self.is_healthy = failure is None
            for _, written in group:
                if written.done():  # its request was cut off meanwhile
                    continue
                if failure is None:
                    written.set_result(None)
                else:
                    written.set_exception(failure)
        self._writer = None
