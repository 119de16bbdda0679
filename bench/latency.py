"""A micro-batch: from an event that was acknowledged to a score that consumers read."""

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from bench.receiver import AUTHORIZATION, free_port, wait_for

SOURCES = '[source.web]\naccepts = "segment"\nkeys = ["KEY"]\n'
EVENT, SIGNAL = "Report Scheduled", "report_scheduled"
IN_A_REQUEST = 100

# One user of each company, so that as many accounts have news as events are sent.
USERS = """
    select min(persons.identifier)
    from identity.person_identifiers as persons
    inner join identity.account_members as members on persons.person_id = members.person_id
    inner join identity.accounts as accounts on members.account_id = accounts.account_id
    where persons.identifier_type = 'user_id' and accounts.kind = 'company'
    group by members.account_id
    order by 1
    limit ?
"""
WITH_NEWS = """
    select count(*)
    from features.account_signal_metrics as metrics
    inner join scores.account_scores as scores
        on metrics.account_id = scores.account_id and metrics.as_of_date = scores.as_of_date
    where metrics.signal = ? and metrics.events_1d > 0
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--accounts", type=int, default=3000, help="of the simulated company (default: %(default)s)")
    parser.add_argument("--events", type=int, default=500, help="one for each account (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    """Builds the demo first, which is not timed. Every account with news must be published with its news."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        pql(home, "demo", "--accounts", str(options.accounts))
        users = [user for (user,) in published(home, USERS, options.events)]
        with receiving(home) as port:
            send(port, users)
            began = time.perf_counter()
            while not any((home / "inbox").glob("*.sealed")):
                time.sleep(0.05)
            sealed = time.perf_counter() - began
        pql(home, "load")
        loaded = time.perf_counter() - began
        pql(home, "run")
        scored = time.perf_counter() - began
        ((with_news,),) = published(home, WITH_NEWS, SIGNAL)
    if with_news != len(users):
        raise AssertionError(f"{with_news} of {len(users)} accounts are published with their news")
    print(f"{len(users)} events of as many accounts: sealed, loaded and published so many seconds after their answer")
    print(f"latency sealed_s={sealed:.0f} loaded_s={loaded:.0f} published_s={scored:.0f} accounts={with_news}")


def pql(home: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "orchestration.cli", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PQL_HOME": str(home)})  # noqa: S603


def published(home: Path, query: str, *parameters: object) -> list[tuple]:
    with duckdb.connect(str(home / "published" / "pql.duckdb"), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


@contextmanager
def receiving(home: Path) -> Generator[int]:
    """The port of a receiver, as `pql serve` starts it."""
    (home / "receiver.toml").write_text(SOURCES)
    port = free_port()
    command = [sys.executable, "-m", "ingest.receiver.server", str(home), str(home / "receiver.toml")]
    process = subprocess.Popen([*command, "--port", str(port)])  # noqa: S603
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def send(port: int, users: Sequence[str]) -> None:
    """Returns once all are acknowledged."""
    now = datetime.now(UTC).isoformat()
    events = [
        {"type": "track", "event": EVENT, "userId": user, "messageId": f"m-{user}", "timestamp": now} for user in users
    ]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for first in range(0, len(events), IN_A_REQUEST):
        body = json.dumps({"batch": events[first : first + IN_A_REQUEST], "sentAt": now})
        connection.request("POST", "/v1/batch", body, {"Authorization": AUTHORIZATION})
        answer = connection.getresponse()
        if answer.status != 200:
            raise AssertionError(answer.read())
        answer.read()
    connection.close()
