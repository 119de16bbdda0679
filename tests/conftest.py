"""Whole pipelines in folders of their own: a simulated company goes in, dbt or the job `pql` builds on it."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parent.parent
DBT_READS = ("dbt_project.yml", "profiles.yml", "macros", "models", "tests")
PARSED = "partial_parse.msgpack"
BEFORE_MODEL = ("resource_type:seed", "staging", "identity", "activity", "features")

# What takes longest comes first: two workers then end at about the same time. The two files that build what many others
# read, of 3,000 companies and of 400, are far enough ahead of those that nobody waits for the other worker's build.
LONGEST_FIRST = (
    "truth/test_known_truth.py",
    "integration/test_runs.py",
    "truth/test_hard_identity.py",
    "pit",
    "integration",
    "truth",
    "identity",
    "graph",
    "receiver",
    "unit",
)

Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(PROJECT / "tests").as_posix()
        return next(number for number, start in enumerate(LONGEST_FIRST) if path.startswith(start))

    items.sort(key=place)


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
    """Runs a program of the project's environment in a home folder; fails with its output."""

    def run(
        home: Path, program: str, *arguments: str, folder: Path = PROJECT, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PQL_", "DBT_"))}
        environment |= {
            "PQL_HOME": str(home),
            "DBT_TARGET_PATH": str(home / "target"),
            "DBT_LOG_PATH": str(home / "logs"),
            "DBT_LOG_LEVEL_FILE": "none",  # as orchestration.dbt
            "DO_NOT_TRACK": "1",
        }
        command = [str(Path(sys.executable).parent / program), *arguments]
        result = subprocess.run(
            command, cwd=folder, env=environment | settings, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, (
            f"{program} {' '.join(arguments)}\n{result.stdout[-6000:]}\n{result.stderr[-3000:]}"
        )
        return result

    return run


@pytest.fixture(scope="session")
def dbt(built_once: Callable[[str, Callable[[Path], None]], Path], in_home: Run) -> Run:
    """Runs dbt on the project in a home, with `config` in place of its own seeds; fails with the output.

    The project is linked into the home, so that every path that dbt knows of is the same in each: what dbt parsed in
    one (12 s of processor) it takes over in the next.
    """

    def run(
        home: Path, *arguments: str, config: Path = PROJECT / "seeds", as_of_date: str | None = None, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        variables = ("--vars", f"{{as_of_date: '{as_of_date}'}}") if as_of_date else ()
        link_project(home, config)
        if not (home / "target" / PARSED).exists():
            parsed = built_once(f"parsed_as_of_{as_of_date}", lambda parsing: parse(parsing, variables))
            (home / "target").mkdir(exist_ok=True)
            shutil.copyfile(parsed / "target" / PARSED, home / "target" / PARSED)
        return in_linked_project(home, *arguments, *variables, **settings)

    def parse(home: Path, variables: Iterable[str]) -> None:
        link_project(home, PROJECT / "seeds")
        in_linked_project(home, "parse", "--quiet", *variables)

    def in_linked_project(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return in_home(home, "dbt", *arguments, folder=home / "project", PQL_HOME="..", **settings)

    return run


def link_project(home: Path, config: Path) -> None:
    """Links what dbt reads of the project into `project/` of a home."""
    folder = home / "project"
    folder.mkdir(exist_ok=True)
    for name, target in {**{name: PROJECT / name for name in DBT_READS}, "seeds": config}.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)


@pytest.fixture(scope="session")
def build_features(dbt: Run) -> Callable[..., None]:
    """Builds seeds to features on the raw tables of a home, scoring as of a date (dbt's own tests are not run)."""

    def build(home: Path, as_of_date: str, **settings: str) -> None:
        untested = ("--exclude-resource-type", "test", "unit_test")
        dbt(home, "build", "--quiet", *untested, "--select", *BEFORE_MODEL, as_of_date=as_of_date, **settings)

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


@pytest.fixture(scope="session")
def learned_company(built_once: Callable[[str, Callable[[Path], None]], Path], in_home: Run) -> Path:
    """3,000 simulated companies after one run; tests only read it."""
    return built_once("learned_company", lambda home: in_home(home, "pql", "demo", "--accounts", "3000"))
