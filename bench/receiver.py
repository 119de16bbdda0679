"""The receiver: one event and a hundred in a request, after the sync and without it; and beside slow senders."""

import argparse
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCES = '[source.web]\naccepts = "rudderstack"\nkeys = ["KEY"]\n'
AUTHORIZATION = "Basic S0VZOg=="  # KEY:

# Serves as `pql serve` does; "unsynced" leaves out what makes an answer mean something.
SERVE = """
import sys
from pathlib import Path
import uvloop
from ingest.receiver import server
from ingest.receiver.sources import read_sources
from ingest.receiver.storage import Folder

class Unsynced(Folder):
    def sync(self, file):
        pass

home, port, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if how == "unsynced":
    server.Folder = Unsynced
uvloop.run(server.serve(server.Service(home, "127.0.0.1", port, 10.0), read_sources(home / "receiver.toml")))
"""


@dataclass(frozen=True)
class Rate:
    """What came back in the time measured."""

    requests: float
    requests_per_core_second: float
    p50_ms: float
    p99_ms: float


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=128, help="requests at a time (default: %(default)s)")
    parser.add_argument("--slow", type=int, default=1000, help="senders whose body never ends (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    """Measures one event in a request and a hundred, synced and not, each on one core; senders take the other."""
    rates = {
        (how, events): measure(how, events, options.connections, options.seconds)
        for events in (1, 100)
        for how in ("unsynced", "synced")
    }
    for (how, events), rate in rates.items():
        print(
            f"{how}, {events} events a request: {rate.requests:,.0f} requests/s "
            f"({rate.requests_per_core_second:,.0f} a second of processor), "
            f"{rate.requests * events:,.0f} events/s, p50 {rate.p50_ms:.1f} ms, p99 {rate.p99_ms:.1f} ms"
        )
    beside, cut_after = measure_beside_slow(options.slow, min(options.seconds, 8.0))
    print(
        f"beside {options.slow} slow senders, 16 requests at a time: {beside.requests:,.0f} requests/s, "
        f"p50 {beside.p50_ms:.1f} ms, p99 {beside.p99_ms:.1f} ms; the last of the slow was cut after {cut_after:.1f} s"
    )
    one, many = rates["synced", 1], rates["synced", 100]
    print(
        f"receiver ratio={one.requests / rates['unsynced', 1].requests:.2f} requests={one.requests:.0f} "
        f"requests_per_core_second={one.requests_per_core_second:.0f} "
        f"events={many.requests * 100:.0f} p99_ms={one.p99_ms:.1f} p99_ms_beside_slow={beside.p99_ms:.1f} "
        f"cut_after_s={cut_after:.1f}"
    )


def measure(how: str, events: int, connections: int, seconds: float) -> Rate:
    with serving(how) as (pid, port):
        send(pid, port, events, connections, min(2.0, seconds))  # warms up
        return send(pid, port, events, connections, seconds)


def measure_beside_slow(slow: int, seconds: float) -> tuple[Rate, float]:
    """The rate of the healthy while so many bodies do not arrive, and the seconds until the last of those is cut."""
    with serving("synced") as (pid, port), ExitStack() as stack:
        send(pid, port, 1, 16, 1.0)
        began = time.perf_counter()
        waiting = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(slow)]
        for connection in waiting:
            connection.sendall(request_of(1)[:-5])
        rate = send(pid, port, 1, 16, seconds)
        for connection in waiting:
            answer = connection.recv(4096)
            if not answer.startswith(b"HTTP/1.1 408"):
                raise AssertionError(answer[:200])
        return rate, time.perf_counter() - began


@contextmanager
def serving(how: str) -> Generator[tuple[int, int]]:
    """A receiver on the first core, its process and its port; this process goes to the other core meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "receiver.toml").write_text(SOURCES)
        port = free_port()
        process = subprocess.Popen([sys.executable, "-c", SERVE, folder, str(port), how], preexec_fn=on_first_core)  # noqa: S603
        try:
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
            wait_for(port)
            yield process.pid, port
        finally:
            os.sched_setaffinity(0, range(os.cpu_count() or 1))
            process.terminate()
            process.wait()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def on_first_core() -> None:
    os.sched_setaffinity(0, {0})


def wait_for(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("the receiver does not answer")


def processor_seconds(pid: int) -> float:
    """What a process used so far, in itself and in the kernel; other work on the machine hardly distorts it."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def request_of(events: int) -> bytes:
    """A request whose events have the size of a usual track call. Ids repeat: they matter to the loader alone."""
    event = {
        "type": "track",
        "event": "Report Made",
        "userId": "user-1234567",
        "messageId": "6b9cb4d2-bca9-4c3b-97de-c6179a09600e",
        "timestamp": "2026-03-01T12:00:00.000Z",
        "properties": {"plan": "pro", "seats": 12, "source": "dashboard"},
        "context": {"library": {"name": "analytics-node", "version": "3.0.13"}},
    }
    body = json.dumps({"batch": [event] * events, "sentAt": "2026-03-01T12:00:01.000Z"}, separators=(",", ":")).encode()
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTHORIZATION}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send(pid: int, port: int, events: int, connections: int, seconds: float) -> Rate:
    """Each connection sends its next request when the last is answered."""
    request = request_of(events)
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        selector.register(connection, selectors.EVENT_READ, [time.perf_counter()])
    began, processor = time.perf_counter(), processor_seconds(pid)
    waits: list[float] = []
    while (now := time.perf_counter()) - began < seconds:
        for key, _ in selector.select(1.0):
            connection: socket.socket = key.fileobj  # pyright: ignore[reportAssignmentType]
            answer = connection.recv(4096)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise AssertionError(answer[:200])
            now = time.perf_counter()
            waits.append(now - key.data[0])
            key.data[0] = now
            connection.sendall(request)
    elapsed, processor = now - began, processor_seconds(pid) - processor
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # pyright: ignore[reportAttributeAccessIssue]
    cuts = statistics.quantiles(waits, n=100)
    return Rate(len(waits) / elapsed, len(waits) / processor, cuts[49] * 1000, cuts[98] * 1000)
