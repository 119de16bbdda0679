"""Whole pipelines in folders of their own: a simulated company goes in, dbt or the job `pql` builds on it."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parent.parent
BEFORE_MODEL = ("resource_type:seed", "staging", "identity", "activity", "features")

# Folders whose files take longest come first: two workers then end at about the same time.
LONGEST_FIRST = ("truth", "integration", "pit", "identity", "graph", "unit")

Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST_FIRST.index(item.path.relative_to(PROJECT / "tests").parts[0]))


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Builds a folder for the whole session: the worker that comes first does, the others wait and share it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def build_once(name: str, build: Callable[[Path], None]) -> Path:
        home, done = folder / name, folder / f"{name}.built"
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(home, ignore_errors=True)
                home.mkdir()
                build(home)
                done.touch()
        return home

    return build_once


@pytest.fixture(scope="session")
def in_home() -> Run:
    """Runs a command of the project's environment (`dbt`, `pql`) in a home folder; fails with its output.

    Another configuration than the project's own is given as the folder of its CSV files.
    """

    def run(home: Path, command: str, *arguments: str, config: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PQL_HOME": str(home),
            "DBT_TARGET_PATH": str(home / "target"),
            "DBT_LOG_PATH": str(home / "logs"),
            "DO_NOT_TRACK": "1",
        }
        environment.pop("PQL_CONFIG", None)
        if config is not None:
            environment["PQL_CONFIG"] = os.path.relpath(config, PROJECT)  # dbt wants it relative to the project
        program = str(Path(sys.executable).parent / command)
        result = subprocess.run(
            [program, *arguments], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, (
            f"{command} {' '.join(arguments)}\n{result.stdout[-6000:]}\n{result.stderr[-3000:]}"
        )
        return result

    return run


@pytest.fixture(scope="session")
def build_features(in_home: Run) -> Callable[[Path, str], None]:
    """Builds seeds to features on the raw tables of a home, scoring as of a date (dbt's own tests are not run)."""

    def build(home: Path, as_of_date: str) -> None:
        in_home(
            home, "dbt", "build", "--quiet", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
            "--exclude-resource-type", "test", "unit_test", "--vars", f"{{as_of_date: '{as_of_date}'}}",
            "--select", *BEFORE_MODEL,
        )  # fmt: skip

    return build


@pytest.fixture(scope="session")
def simulate_into() -> Callable[..., None]:
    """Fills a home with the raw tables of simulated accounts and what a run needs beside them."""
    from demo.simulate import simulate
    from warehouse.connection import open_working
    from warehouse.reference_lists import load_reference_lists
    from warehouse.runs import ensure_ledger

    def fill(home: Path, accounts: int, **how: object) -> None:
        with open_working(home) as backend:
            simulate(backend.con, accounts, **how)
            load_reference_lists(backend)
            ensure_ledger(backend)

    return fill


@pytest.fixture(scope="session")
def raw_company(built_once: Callable[[str, Callable[[Path], None]], Path], simulate_into: Callable[..., None]) -> Path:
    """A home with the raw tables of 400 simulated accounts. To be copied."""
    return built_once("raw_company", lambda home: simulate_into(home, 400))


@pytest.fixture(scope="session")
def read_rows() -> Callable[[Path, str], list[tuple]]:
    def read(home: Path, query: str, *parameters: object) -> list[tuple]:
        with duckdb.connect(str(home / "pql.duckdb"), read_only=True) as connection:
            return connection.execute(query, parameters).fetchall()

    return read
