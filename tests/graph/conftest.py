"""Runs the fixture project on each engine: graphs go in as tables, one dbt invocation builds them all."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from engines import DuckDB, Engine, Postgres

from tests.postgres_server import running_server

PROJECT = Path(__file__).parent / "project"

Edge = tuple[str, str]
ReachRow = tuple[str, str, str, datetime, datetime]


@pytest.fixture(scope="session", params=["duckdb", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Every test that reaches a warehouse through the fixtures below runs once for each engine."""
    return DuckDB() if request.param == "duckdb" else request.getfixturevalue("postgres")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_server() as socket_folder:
        yield Postgres(socket_folder)


@pytest.fixture(scope="session")
def run_dbt(engine: Engine) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            **engine.environment(home),
            "DO_NOT_TRACK": "1",
            "DBT_TARGET_PATH": str(home / "target"),
            "DBT_LOG_PATH": str(home / "logs"),
            "DBT_PROFILES_DIR": str(PROJECT),
        }
        command = [sys.executable, "-m", "dbt.cli.main", "run", "--target", engine.target, *arguments]
        return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def write_graphs(engine: Engine) -> Callable[[Path, Iterable[Edge], Iterable[ReachRow]], None]:
    def write(home: Path, edges: Iterable[Edge], reach_rows: Iterable[ReachRow]) -> None:
        ends = {"left_node": "text", "right_node": "text"}
        engine.load(home, "edges", ends, edges)
        times = {"available_at": "timestamp", "known_until": "timestamp"}
        engine.load(home, "reach_rows", {"kind": "text", **ends, **times}, reach_rows)
        engine.execute(home, ["create table hooks (hook text)"])

    return write


@pytest.fixture(scope="session")
def read_rows(engine: Engine) -> Callable[[Path, str], list[tuple[object, ...]]]:
    return engine.read
