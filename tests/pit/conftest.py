"""Copies of one simulated company, each with its own past or future, built once a session."""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

END = "2026-07-01"

Change = Callable[[duckdb.DuckDBPyConnection], None]


@pytest.fixture(scope="session")
def built_copy(
    raw_company: Path, build_features: Callable[[Path, str], None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Copies the raw tables, changes them, builds on them as of a date. `truth` is dropped: no model may need it."""

    def build(name: str, as_of_date: str, change: Change | None = None) -> Path:
        home = tmp_path_factory.mktemp(name)
        shutil.copyfile(raw_company / "pql.duckdb", home / "pql.duckdb")
        with duckdb.connect(str(home / "pql.duckdb")) as connection:
            connection.execute("drop schema truth cascade")
            if change is not None:
                change(connection)
        build_features(home, as_of_date)
        return home

    return build


@pytest.fixture(scope="session")
def full_build(built_copy: Callable[..., Path]) -> Path:
    """The company at the end of its year, nothing left out."""
    return built_copy("full", END)
