"""Runs the fixture project: graphs go in as DuckDB tables, one dbt invocation builds them all."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

PROJECT = Path(__file__).parent / "project"

Edge = tuple[str, str]
ReachRow = tuple[str, str, str, datetime]


@pytest.fixture(scope="session")
def run_dbt() -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "DO_NOT_TRACK": "1",
            "GRAPH_HOME": str(home),
            "DBT_TARGET_PATH": str(home / "target"),
            "DBT_LOG_PATH": str(home / "logs"),
            "DBT_PROFILES_DIR": str(PROJECT),
        }
        command = [sys.executable, "-m", "dbt.cli.main", "run", *arguments]
        return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def write_graphs() -> Callable[[Path, Iterable[Edge], Iterable[ReachRow]], None]:
    def write(home: Path, edges: Iterable[Edge], reach_rows: Iterable[ReachRow]) -> None:
        text, timestamp = pa.string(), pa.timestamp("us")
        edge_schema = pa.schema({"left_node": text, "right_node": text})
        reach_schema = pa.schema({"kind": text, "left_node": text, "right_node": text, "available_at": timestamp})
        with duckdb.connect(str(home / "graph.duckdb")) as connection:
            for table, schema, rows in (("edges", edge_schema, edges), ("reach_rows", reach_schema, reach_rows)):
                columns = [
                    pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
                ]
                connection.register("incoming", pa.table(columns, schema=schema))
                connection.execute(f"create or replace table {table} as from incoming")
            connection.execute("create or replace table hooks (hook text)")

    return write


@pytest.fixture(scope="session")
def read_rows() -> Callable[[Path, str], list[tuple[object, ...]]]:
    def read(home: Path, query: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(home / "graph.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    return read
