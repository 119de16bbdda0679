"""`python -m ingest.receiver.server`: one process that answers, and writes the log. It never opens the warehouse."""

import argparse
import asyncio
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from ingest.receiver.application import Receiver
from ingest.receiver.durable_log import DurableLog
from ingest.receiver.gate import SUPPRESSED, Suppressed
from ingest.receiver.group_commit import GroupCommit
from ingest.receiver.segments import new_segment_name
from ingest.receiver.sources import BadSources, Source, read_sources
from ingest.receiver.storage import Folder

INBOX = Path("inbox")
HEADER_MILLISECONDS = 8_000  # slow connections are cut within ten seconds
CONCURRENT_REQUESTS = 4096  # a thousand who dawdle leave room for the others; memory is bounded by bytes, not by them
OPEN_FILES = 2 * CONCURRENT_REQUESTS


@dataclass(frozen=True)
class Service:
    """Where to listen and where to write."""

    folder: Path
    host: str
    port: int
    seal_seconds: float


async def serve(service: Service, sources: dict[str, Source]) -> None:
    """Answer until SIGTERM or SIGINT; then take no more, finish what was begun, and seal."""
    _allow_open_files()
    commit = GroupCommit(DurableLog(Folder(service.folder / INBOX), new_segment_name))
    receiver = Receiver(sources, commit, Suppressed(service.folder / SUPPRESSED))
    server = Server(
        receiver,
        address=service.host,
        port=service.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        backlog=CONCURRENT_REQUESTS,
        backpressure=CONCURRENT_REQUESTS,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    sealing = asyncio.create_task(_seal_now_and_then(commit, service.seal_seconds))
    try:
        await server.serve()
    finally:
        sealing.cancel()
        await commit.close()


async def _seal_now_and_then(commit: GroupCommit, seconds: float) -> None:
    """End segments that are not full, so that the loader gets them."""
    while True:
        await asyncio.sleep(seconds)
        await commit.seal()


def _allow_open_files() -> None:
    """Raise the limit of open files, which is 1,024 on many systems, as far as this user may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    """Read the sources and serve."""
    parser = argparse.ArgumentParser(prog="pql serve", description=__doc__)
    parser.add_argument("folder", type=Path, help="the home of the installation")
    parser.add_argument("sources", type=Path, help="the file that says who may send")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--seal-seconds", type=float, default=10.0)
    given = parser.parse_args()
    try:
        sources = read_sources(given.sources)
    except BadSources as error:
        sys.exit(str(error))
    uvloop.run(serve(Service(given.folder, given.host, given.port, given.seal_seconds), sources))


if __name__ == "__main__":
    main()
