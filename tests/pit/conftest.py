"""Copies of one simulated company, each with its own past or future, built once a session."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

END = "2026-07-01"

Change = Callable[[duckdb.DuckDBPyConnection], None]


def plant_window_edges(connection: duckdb.DuckDBPyConnection) -> None:
    """One more workspace, with an event on each side of every edge: of windows, of days, of what midnight knows."""
    midnight, microsecond = "timestamp '2026-03-01'", "interval 1 microsecond"
    at_edges = [f"{midnight} - interval {days} day" for days in (0, 1, 7, 14, 28, 90)]
    occurred = at_edges + [f"{edge} - {microsecond}" for edge in at_edges]
    moments = [(moment, moment) for moment in occurred]
    moments += [(f"{midnight} - interval 3 day", f"{midnight} {shift}") for shift in ("", f"- {microsecond}")]
    moments += [(f"timestamp '2025-07-01' {shift}", "timestamp '2025-07-03'") for shift in ("", f"- {microsecond}")]
    for number, (occurred_at, received_at) in enumerate(moments):
        connection.execute(
            f"""
            insert into segment.pages (id, user_id, context_group_id, name, timestamp, received_at)
            values
                ('edge-{number}', 'edge-user-{number % 3}', 'edge-workspace', 'Pricing', {occurred_at}, {received_at})
            """
        )


@pytest.fixture(scope="session")
def build_changed(raw_company: Path, build_features: Callable[[Path, str], None]) -> Callable[..., None]:
    """Copies the raw tables into a home, changes them, builds on them. `truth` is dropped: no model may need it."""

    def build(home: Path, as_of_date: str, change: Change | None = None) -> None:
        shutil.copyfile(raw_company / "pql.duckdb", home / "pql.duckdb")
        with duckdb.connect(str(home / "pql.duckdb")) as connection:
            connection.execute("drop schema truth cascade")
            plant_window_edges(connection)
            if change is not None:
                change(connection)
        build_features(home, as_of_date)

    return build


@pytest.fixture(scope="session")
def built_copy(build_changed: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A home of its own for each change, built as of a date."""

    def build(name: str, as_of_date: str, change: Change | None = None) -> Path:
        home = tmp_path_factory.mktemp(name)
        build_changed(home, as_of_date, change)
        return home

    return build


@pytest.fixture(scope="session")
def full_build(built_once: Callable[..., Path], build_changed: Callable[..., None]) -> Path:
    """The company at the end of its year, nothing left out."""
    return built_once("full", lambda home: build_changed(home, END))


@pytest.fixture(scope="session")
def manifest(dbt: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What dbt knows of the project: nodes, and what each reads."""
    home = tmp_path_factory.mktemp("manifest")
    dbt(home, "parse", "--quiet")
    return json.loads((home / "target" / "manifest.json").read_text(encoding="utf-8"))
