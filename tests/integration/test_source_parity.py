"""One history, sent in each of the ways in which events may come, gives the same metrics, byte for byte."""

import csv
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from ingest.exports import backfill
from ingest.receiver.sources import read_sources
from tests.integration import source_history as sources
from tests.integration import source_sdks
from tests.integration.source_requests import EXPORTS, PROTOCOLS, RECEIVER, requests, shares, write_export
from tests.integration.source_sdks import BY_NODE, SAY_NOT_WHEN_THEY_SEND, SDKS
from tests.receiver.conftest import NOW, Installation
from tests.receiver.node_sdks.installation import installed_by_npm
from warehouse.connection import open_working
from warehouse.reference_lists import load_reference_lists
from warehouse.runs import ensure_ledger

PROJECT = Path(__file__).resolve().parents[2]
FULL = bool(os.environ.get("PQL_TEST_FULL"))

# Every source but the first, Segment's tables, which the others are compared with. The people of `receiver` are shared
# out among all protocols, those of `sdks` among all SDKs, and in both some come by export archives.
TABLES = ("rudderstack", "amplitude", "mixpanel", "posthog", "backend")
ALONE = tuple(f"{sdk} by its SDK" for sdk in SDKS)
OTHERS = (*TABLES, "receiver", *PROTOCOLS, "sdks", *ALONE) if FULL else ("amplitude", "sdks")


@dataclass(frozen=True)
class Built:
    """A warehouse with the history from one source."""

    metrics: bytes
    accounts: list[tuple]
    signals: Counter[str]


def configure(folder: Path) -> None:
    """The shipped configuration, with pages by their path: names of pages are Segment's alone."""
    shutil.copytree(PROJECT / "seeds", folder)
    rewrite(folder / "signal_map.csv", lambda row: {"event_name": path_of(row)} if row["event_type"] == "page" else {})
    rewrite(folder / "settings.csv", lambda row: {"value": "company"} if row["setting"] == "account_group" else {})


def rewrite(path: Path, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row | change(row) for row in csv.DictReader(file)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def path_of(row: dict[str, str]) -> str:
    return "/" if row["event_name"] == "Home" else f"/{row['event_name'].lower()}"


def receive(home: Path, shares: Mapping[str, Sequence[sources.Message]], installed: Path | None = None) -> None:
    """Through the receiver's own application and `pql backfill`'s reader, each twice, and `pql load`'s loader."""
    installation = Installation(home, RECEIVER + source_sdks.RECEIVER)
    known = read_sources(home / "receiver.toml")
    try:
        for way, calls in shares.items():
            if way in SDKS:
                source_sdks.send(way, installed, installation, calls)
                continue
            for _ in range(2):
                for path, body in requests(way, calls):
                    assert installation.post(path, body).status == 200
                if archive := write_export(home, way, calls):
                    backfill(home, known[way.partition("-")[0]], [archive], NOW)
        for segment in installation.load():
            assert segment.quarantined == 0
    finally:
        installation.close()


def fill(home: Path, source: str, installed: Path | None) -> None:
    calls = sources.history()
    if source == "sdks":
        receive(home, shares(calls, ways_of(installed)), installed)
    elif source == "receiver":
        receive(home, shares(calls, PROTOCOLS))
    elif source in PROTOCOLS:
        receive(home, {source: calls})
    elif source in ALONE:
        receive(home, {source.partition(" ")[0]: calls}, installed)
    else:
        with duckdb.connect(str(home / "pql.duckdb")) as connection:
            if source == "backend":
                sources.write_backend(connection, home)
            else:
                getattr(sources, f"write_{source}")(connection)


def ways_of(installed: Path | None) -> tuple[str, ...]:
    """All SDKs, those for Node where they are installed, and the archives."""
    return (*(sdk for sdk in SDKS if installed or sdk not in BY_NODE), *EXPORTS)


@pytest.fixture(scope="module")
def npm() -> Path | str:
    """The folder with the SDKs for Node, or the reason why they are not there."""
    try:
        return installed_by_npm()
    except pytest.skip.Exception as skipped:
        return str(skipped.msg)


@pytest.fixture(scope="module")
def seeded(dbt: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the configuration and the lists, to be copied."""
    home = tmp_path_factory.mktemp("seeded")
    configure(home / "config")
    with open_working(home) as backend:
        load_reference_lists(backend)
        ensure_ledger(backend)
    dbt(home, "seed", "--quiet", config=home / "config")
    return home


@pytest.fixture(scope="module")
def build(
    dbt: Callable[..., object], seeded: Path, npm: Path | str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Built]:
    def build(source: str) -> Built:
        home = tmp_path_factory.mktemp(source.partition(" ")[0])
        shutil.copyfile(seeded / "pql.duckdb", home / "pql.duckdb")
        fill(home, source, npm if isinstance(npm, Path) else None)
        dbt(home, "run", "--quiet", "--select", "+account_signal_metrics", "+accounts", config=seeded / "config")
        with duckdb.connect(str(home / "pql.duckdb"), read_only=True) as connection:
            written = home / "metrics.csv"
            connection.execute(f"copy (from features.account_signal_metrics order by all) to '{written}' (header)")
            return Built(
                written.read_bytes(),
                connection.execute(
                    "select account_id, kind, domain, group_id, name from identity.accounts order by all"
                ).fetchall(),
                Counter(
                    dict(
                        connection.execute("select signal, count(*) from activity.signal_events group by 1").fetchall()
                    )
                ),
            )

    return build


@pytest.fixture(scope="module")
def segment(build: Callable[[str], Built]) -> Built:
    return build("segment")


def test_the_history_is_counted_once_and_gives_the_accounts_that_were_simulated(segment: Built):
    done = Counter(call.name for call in sources.once(sources.history()) if call.kind in ("track", "page"))
    for event, signal in (
        ("Signed In", "signed_in"),
        ("Teammate Invited", "teammate_invited"),
        ("/docs", "docs_viewed"),
    ):
        assert segment.signals[signal] == done[event] > 10
    companies = [account for account in segment.accounts if account[1] == "company"]
    assert sorted(domain for _, _, domain, _, _ in companies) == [
        f"{name}.example" for name in ("acme", "east", "north", "south", "west")
    ]
    assert segment.metrics.count(b"\n") > 30


def test_every_sdk_gets_every_kind_of_call_and_where_it_says_when_it_sends_a_wrong_clock():
    shared = shares(sources.history(), (*SDKS, *EXPORTS))
    for sdk in SDKS:
        assert {call.kind for call in shared[sdk]} == {"page", "identify", "alias", "group", "track"}
        assert len(sources.once(shared[sdk])) < len(shared[sdk])  # some are delivered twice
        assert sdk in SAY_NOT_WHEN_THEY_SEND or any(call.ahead for call in shared[sdk])
    assert all(shared[way] for way in EXPORTS)


@pytest.mark.parametrize("source", OTHERS)
def test_one_history_gives_the_same_metrics_whatever_it_came_through(
    build: Callable[[str], Built], segment: Built, npm: Path | str, source: str
):
    assert (sources.ARRIVED - sources.EPOCH).total_seconds() == NOW
    if source.startswith(BY_NODE) and isinstance(npm, str):
        pytest.skip(npm)
    built = build(source)
    assert built.signals == segment.signals
    assert [account[:4] for account in built.accounts] == [account[:4] for account in segment.accounts]
    assert built.metrics == segment.metrics
    if source != "mixpanel":  # its tables hold no word about groups
        assert built.accounts == segment.accounts
    if source == "sdks" and isinstance(npm, str):
        pytest.skip(f"the SDKs for Python give the same; {npm}")
