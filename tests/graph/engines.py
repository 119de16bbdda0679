"""The warehouses that the graph tests run on: how each is filled, read and copied. A home is a test's own folder."""

import csv
import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import psycopg2
import pyarrow as pa

Row = tuple[object, ...]
Columns = dict[str, str]  # name -> SQL type, text or timestamp


class Engine(Protocol):
    target: str

    def environment(self, home: Path) -> dict[str, str]: ...

    def load(self, home: Path, table: str, columns: Columns, rows: Iterable[Row]) -> None: ...

    def execute(self, home: Path, statements: Sequence[str]) -> None: ...

    def read(self, home: Path, query: str) -> list[Row]: ...

    def copy(self, source: Path, home: Path) -> None: ...


@dataclass(frozen=True)
class DuckDB:
    """One file in each home."""

    target: str = "duckdb"

    def environment(self, home: Path) -> dict[str, str]:
        return {"GRAPH_HOME": str(home)}

    def load(self, home: Path, table: str, columns: Columns, rows: Iterable[Row]) -> None:
        types = {"text": pa.string(), "timestamp": pa.timestamp("us")}
        values = zip(zip(*rows, strict=True), columns.values(), strict=True)
        arrays = [pa.array(column, types[kind]) for column, kind in values]
        with duckdb.connect(str(home / "graph.duckdb")) as connection:
            connection.register("incoming", pa.table(arrays, names=list(columns)))
            connection.execute(f"create or replace table {table} as from incoming")

    def execute(self, home: Path, statements: Sequence[str]) -> None:
        with duckdb.connect(str(home / "graph.duckdb")) as connection:
            for statement in statements:
                connection.execute(statement)

    def read(self, home: Path, query: str) -> list[Row]:
        with duckdb.connect(str(home / "graph.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def copy(self, source: Path, home: Path) -> None:
        shutil.copy(source / "graph.duckdb", home / "graph.duckdb")


@dataclass(frozen=True)
class Postgres:
    """One database for each home, named like it, on one server."""

    socket_folder: str
    target: str = "postgres"

    def environment(self, home: Path) -> dict[str, str]:
        return {"GRAPH_HOME": str(home), "GRAPH_HOST": self.socket_folder, "GRAPH_DATABASE": home.name}

    def load(self, home: Path, table: str, columns: Columns, rows: Iterable[Row]) -> None:
        lines = io.StringIO()
        csv.writer(lines).writerows(rows)
        lines.seek(0)
        definition = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        with self.cursor(self.ensure_database(home)) as cursor:
            cursor.execute(f"drop table if exists {table}")
            cursor.execute(f"create table {table} ({definition})")
            cursor.copy_expert(f"copy {table} from stdin (format csv)", lines)

    def execute(self, home: Path, statements: Sequence[str]) -> None:
        with self.cursor(self.ensure_database(home)) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def read(self, home: Path, query: str) -> list[Row]:
        with self.cursor(home.name) as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def copy(self, source: Path, home: Path) -> None:
        with self.cursor("postgres", autocommit=True) as cursor:
            cursor.execute(f'create database "{home.name}" template "{source.name}"')

    def ensure_database(self, home: Path) -> str:
        with self.cursor("postgres", autocommit=True) as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (home.name,))
            if cursor.fetchone() is not None:
                return home.name
            cursor.execute(f'create database "{home.name}"')
        with self.cursor(home.name) as cursor:
            cursor.execute("create schema main")
        return home.name

    @contextmanager
    def cursor(self, database: str, autocommit: bool = False) -> Iterator["psycopg2.extensions.cursor"]:
        """Commits at the end unless each statement is its own transaction, as those that make a database have to be."""
        settings = {"host": self.socket_folder, "user": "postgres", "options": "-c search_path=main"}
        with closing(psycopg2.connect(dbname=database, **settings)) as connection:
            connection.autocommit = autocommit
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
