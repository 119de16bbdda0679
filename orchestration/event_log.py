"""Dagster's log of events in SQLite, over connections that are kept.

Dagster opens and closes a connection for each of the three writes of an event, and waits for the disk at each: an
unchanged run took 106 s of processor so, and takes 95 s now. What a run has done is told by `publishing.runs`; the log
is for people to read.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
import sqlalchemy.event
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy.pool import StaticPool

KEPT = 8  # a run writes two files; the pages look through those of many runs


class KeptSqliteEventLogStorage(SqliteEventLogStorage):
    """As its base, file for file; only the connections live longer."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: dict[str, sqlalchemy.Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """dagster.yaml says nothing but the class."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "KeptSqliteEventLogStorage":
        """In Dagster's home, where Dagster's own would be."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    def wipe(self) -> None:
        """Close what is about to be deleted."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close everything."""
        self._close()
        super().dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        with self._db_lock:
            if shard not in self._engines:
                if len(self._engines) == KEPT:
                    self._close()
                self._engines[shard] = _engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(self._engines[shard])
                self._initialized_dbs.add(shard)
            with self._engines[shard].begin() as connection:
                yield connection

    def _close(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


def _engine(address: str) -> sqlalchemy.Engine:
    """One connection for all threads, which `_db_lock` keeps apart; it waits for the disk at checkpoints only."""
    settings = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    engine = sqlalchemy.create_engine(address, poolclass=StaticPool, connect_args=settings)

    @sqlalchemy.event.listens_for(engine, "connect")
    def _wait_less(connection: Any, _: Any) -> None:
        connection.execute("pragma synchronous = normal")

    return engine
