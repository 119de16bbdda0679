"""A receiver in the process of the test, without a network; and what the loader makes of what it took."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.loader.duckdb_warehouse import DuckDBWarehouse
from ingest.loader.load import SegmentSummary, load_segments
from ingest.receiver.application import Receiver
from ingest.receiver.durable_log import DurableLog
from ingest.receiver.gate import Suppressed
from ingest.receiver.group_commit import GroupCommit
from ingest.receiver.sources import read_sources
from ingest.receiver.storage import Folder, Storage

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC
LOADED_AT = datetime(2027, 1, 15, 9)  # noqa: DTZ001 (UTC without a zone, like every time in the tables)


class Answer:
    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = dict(messages[0]["headers"])
        self.body: bytes = messages[1]["body"]

    def json(self) -> Any:
        return json.loads(self.body)


class Installation:
    """A home with a receiver's log in it; requests go to the application as a server would give them."""

    def __init__(self, home: Path, sources: str, storage: Storage | None = None) -> None:
        self.home = home
        names = count()
        (home / "receiver.toml").write_text(sources)
        self.loop = asyncio.new_event_loop()
        self.now = NOW
        self.commit = GroupCommit(DurableLog(storage or Folder(home / "inbox"), lambda: f"{next(names):06d}"))
        self.application = Receiver(
            read_sources(home / "receiver.toml"),
            self.commit,
            Suppressed(home / "inbox" / "suppressed.txt"),
            lambda: self.now,
        )
        self.warehouse = duckdb.connect(str(home / "pql.duckdb"))

    def post(
        self,
        path: str,
        body: Any,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
        chunks: int = 1,
    ) -> Answer:
        content = (
            body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        )
        size = max(1, -(-len(content) // chunks))
        waiting = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

        async def send(message: Any) -> None:
            sent.append(message)

        route, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": route,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
        }
        self.loop.run_until_complete(self.application(scope, receive, send))
        return Answer(sent)

    def get(self, path: str) -> Answer:
        return self.post(path, b"", method="GET")

    def load(self) -> list[SegmentSummary]:
        self.loop.run_until_complete(self.commit.seal())
        return list(load_segments(DuckDBWarehouse(self.warehouse), self.home, LOADED_AT))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.warehouse.execute(query).fetchall()

    def close(self) -> None:
        self.loop.run_until_complete(self.commit.close())
        self.loop.close()
        self.warehouse.close()


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    made: list[Installation] = []

    def make(sources: str, storage: Storage | None = None) -> Installation:
        home = tmp_path / f"home{len(made)}"
        home.mkdir()
        made.append(Installation(home, sources, storage))
        return made[-1]

    yield make
    for installation in made:
        installation.close()
