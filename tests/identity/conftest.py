"""Small worlds of identifiers, written as imported events and built by the project's own models."""

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from warehouse.connection import open_working
from warehouse.reference_lists import load_reference_lists
from warehouse.runs import ensure_ledger

PROJECT = Path(__file__).resolve().parents[2]
SHARED_DATA = Path(os.environ.get("PQL_SHARED_DATA", PROJECT.parent / "shared" / "data"))

Rows = Sequence[Mapping[str, object]]

TEXTS = (
    "source", "event_id", "_row_key", "event_type", "event_name",
    "user_id", "anonymous_id", "group_id", "email", "domain", "properties",
)  # fmt: skip
EVENTS = pa.schema(
    [
        *((name, pa.string()) for name in TEXTS),
        ("occurred_at", pa.timestamp("us")),
        ("available_at", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class World:
    """A home folder, and the configuration that it is built with."""

    home: Path
    config: Path
    dbt: Callable[..., subprocess.CompletedProcess[str]]

    def add_events(self, events: Rows) -> None:
        """Rows of backend.events; what a row leaves out is null, `properties` is a dictionary."""
        rows = [
            dict.fromkeys(EVENTS.names)
            | {"source": "test", "event_type": "identify", "occurred_at": event["available_at"]}
            | dict(event)
            | {"properties": json.dumps(event.get("properties", {}))}
            for event in events
        ]
        with duckdb.connect(str(self.home / "pql.duckdb")) as connection:
            connection.execute("create schema if not exists backend")
            connection.register("incoming", pa.Table.from_pylist(rows, schema=EVENTS))
            connection.execute("create table if not exists backend.events as from incoming limit 0")
            connection.execute("insert into backend.events from incoming")

    def build(self, *select: str) -> str:
        """Builds seeds, staging and identity, or what is selected; dbt's output."""
        done = self.dbt(
            self.home, "build", "--exclude-resource-type", "test", "unit_test",
            "--select", *(select or ("resource_type:seed", "staging", "identity")), config=self.config,
        )  # fmt: skip
        return done.stdout

    def rows(self, query: str, *parameters: object) -> list[tuple]:
        with duckdb.connect(str(self.home / "pql.duckdb"), read_only=True) as connection:
            return connection.execute(query, parameters).fetchall()

    def person_of(self, moment: datetime | None = None) -> dict[str, str]:
        """The person of every identifier, as known at a moment, or today."""
        return dict(
            self.rows(
                "select node, person_id from identity.person_spans where available_at <= ? and ? < known_until",
                *[moment or datetime(9999, 1, 1)] * 2,  # noqa: DTZ001 - the warehouse keeps UTC without a zone
            )
        )


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


@pytest.fixture(scope="session")
def new_world(
    dbt: Callable[..., subprocess.CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., World]:
    """Makes an empty world. `config` gives the rows, header first, of the files that differ from the shipped ones."""

    def make(name: str, config: Mapping[str, Iterable[Sequence[object]]] | None = None) -> World:
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(PROJECT / "seeds", folder / "config")
        for file, rows in (config or {}).items():
            write_csv(folder / "config" / f"{file}.csv", rows)
        with open_working(folder / "home") as backend:
            load_reference_lists(backend)
            ensure_ledger(backend)
        return World(folder / "home", folder / "config", dbt)

    return make
