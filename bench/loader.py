"""The loader: segments into DuckDB, events a second on one core, and memory as the backlog grows."""

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

from ingest.receiver.durable_log import DurableLog, Record
from ingest.receiver.records import pack
from ingest.receiver.storage import Folder
from ingest.vendors.contract import Envelope

# In a process of its own, for its peak of memory and its processor time; one thread, on one core.
LOAD = """
import os, resource, sys, time
from datetime import datetime
from pathlib import Path
import duckdb
from ingest.loader.duckdb_warehouse import DuckDBWarehouse
from ingest.loader.load import load_segments

os.sched_setaffinity(0, {0})
home = Path(sys.argv[1])
before, processor = time.perf_counter(), time.process_time()
with duckdb.connect(str(home / "pql.duckdb"), config={"threads": 1, "memory_limit": "256MB"}) as warehouse:
    loaded = sum(summary.loaded for summary in load_segments(DuckDBWarehouse(warehouse), home, datetime(2026, 1, 1)))
    assert loaded == int(sys.argv[2]), loaded
seconds, processor = time.perf_counter() - before, time.process_time() - processor
print(seconds, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--events",
        type=int,
        default=1_000_000,
        help="of the larger backlog, a multiple of 40,000 (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> None:
    """Loads a backlog, and one a quarter as large; every id is new, and all rows are counted first."""
    small, large = (load(events) for events in (options.events // 4, options.events))
    for events, (seconds, processor, megabytes) in ((options.events // 4, small), (options.events, large)):
        print(
            f"{events:,} events: {seconds:.1f} s ({processor:.1f} s of processor), "
            f"{events / seconds:,.0f} events/s on one core, peak {megabytes:.0f} MB"
        )
    print(
        f"loader ratio={options.events / large[0] / 100_000:.2f} events={options.events / large[0]:.0f} "
        f"events_per_core_second={options.events / large[1]:.0f} peak_mb={large[2]:.0f} "
        f"memory_growth={large[2] / small[2]:.2f}"
    )


def load(events: int) -> tuple[float, float, float]:
    """Seconds on the clock and of processor, and megabytes at the peak."""
    with tempfile.TemporaryDirectory() as folder:
        write_segments(Path(folder), events)
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", LOAD, folder, str(events)], check=True, capture_output=True, text=True
        )
        seconds, processor, megabytes = map(float, done.stdout.split()[-3:])  # DuckDB may show its progress before
        return seconds, processor, megabytes


def write_segments(home: Path, events: int) -> None:
    names = count()
    log = DurableLog(Folder(home / "inbox"), lambda: f"{next(names):06d}")
    envelope = Envelope(1_800_000_000_000_000, "web", "rudderstack", "batch", "2026-03-01T12:00:01.000Z")
    for group in range(0, events, 10_000):
        requests = [
            [event_of(number) for number in range(first, first + 100)] for first in range(group, group + 10_000, 100)
        ]
        log.write([Record(pack(envelope, request), 100) for request in requests])
    log.seal()


def event_of(number: int) -> bytes:
    return json.dumps(
        {
            "type": "track",
            "event": "Report Made",
            "userId": f"user-{number % 20_000}",
            "messageId": f"6b9cb4d2-bca9-4c3b-97de-{number:012d}",
            "timestamp": f"2026-03-01T11:{number // 1000 % 60:02d}:59.{number % 1000:03d}Z",
            "properties": {"plan": "pro", "seats": number % 50, "source": "dashboard"},
            "context": {"library": {"name": "analytics-node", "version": "3.0.13"}},
        },
        separators=(",", ":"),
    ).encode()
