"""Whole runs of `pql` in folders of their own, on the project as it stands or on a copy with one thing broken."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parents[2]
COPIED = ("demo", "ingest", "macros", "ml", "models", "orchestration", "seeds", "tests/dbt", "warehouse")
SHARED_DATA = Path(os.environ.get("PQL_SHARED_DATA", PROJECT.parent / "shared" / "data"))

# Takes the last two weeks of tracks away, so that a run has something to publish.
LESS_DATA = "delete from segment.tracks where received_at >= timestamp '2026-06-15'"


@dataclass(frozen=True)
class Installation:
    """A home folder and the project that works on it."""

    home: Path
    project: Path = PROJECT
    config: Path | None = None

    def environment(self) -> dict[str, str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PQL_", "DBT_"))}
        environment |= {"PQL_HOME": str(self.home), "PQL_SHARED_DATA": str(SHARED_DATA), "COLUMNS": "200"}
        return environment | ({"PQL_CONFIG": str(self.config)} if self.config else {})

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", *arguments],
            cwd=self.project,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def pql(self, *arguments: str, expect: int = 0) -> str:
        """Runs a verb; its output. Fails where the exit code is another."""
        process = self.start(*arguments)
        output, _ = process.communicate()
        assert process.returncode == expect, (
            f"pql {' '.join(arguments)} exited with {process.returncode}\n{output[-6000:]}"
        )
        return output

    def dbt(self, *arguments: str) -> str:
        """Runs dbt on the project; its output. Fails where dbt does."""
        command = [str(Path(sys.executable).parent / "dbt"), *arguments, "--project-dir", str(self.project)]
        environment = self.environment() | {"DBT_TARGET_PATH": str(self.home / "target"), "DO_NOT_TRACK": "1"}
        done = subprocess.run(
            [*command, "--profiles-dir", str(self.project)],
            cwd=self.project, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def published(self) -> dict[str, list[tuple]]:
        """Every published row, by schema.table, in a fixed order."""
        return rows_of(self.home / "published" / "pql.duckdb")

    def working(self, query: str) -> list[tuple]:
        with duckdb.connect(str(self.home / "pql.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def change(self, statement: str) -> None:
        with duckdb.connect(str(self.home / "pql.duckdb")) as connection:
            connection.execute(statement)

    def copied_to(self, home: Path, **changes: object) -> "Installation":
        shutil.copytree(self.home, home, ignore=shutil.ignore_patterns("target", "logs", "dagster"))
        return Installation(**({"home": home, "project": self.project, "config": self.config} | changes))


def rows_of(path: Path) -> dict[str, list[tuple]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall()
        return {
            f"{schema}.{name}": connection.execute(f'select * from "{schema}"."{name}" order by all').fetchall()
            for schema, name in tables
        }


@pytest.fixture(scope="session")
def small_company(built_once: Callable[[str, Callable[[Path], None]], Path]) -> Installation:
    """400 simulated companies, enough wins to learn from; run once. Copy it before changing anything."""
    return Installation(built_once("small_company", lambda home: Installation(home).pql("demo", "--accounts", "400")))


@pytest.fixture(scope="session")
def broken_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Mapping[str, tuple[str, str]]], Path]:
    """Makes a copy of the project in which texts of some files are replaced."""

    def make(changes: Mapping[str, tuple[str, str]]) -> Path:
        copy = tmp_path_factory.mktemp("broken_project")
        for folder in COPIED:
            shutil.copytree(PROJECT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("dbt_project.yml", "profiles.yml"):
            shutil.copy(PROJECT / name, copy / name)
        for name, (text, replacement) in changes.items():
            content = (copy / name).read_text(encoding="utf-8")
            assert content.count(text) == 1, f"{name} no longer holds {text!r} once"
            (copy / name).write_text(content.replace(text, replacement), encoding="utf-8")
        return copy

    return make


@pytest.fixture(scope="session")
def real_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Installation]:
    """Imports one of the real data sets and runs on it, with its own mapping and configuration."""

    def run(name: str, *arguments: str) -> Installation:
        if not (SHARED_DATA / name).is_dir():
            pytest.skip(f"real data {name} is absent; set PQL_SHARED_DATA to the folder that holds it")
        folder = tmp_path_factory.mktemp(name)
        config = folder / "config"
        shutil.copytree(PROJECT / "seeds", config)
        shutil.copytree(PROJECT / "tests" / "integration" / name / "config", config, dirs_exist_ok=True)
        installation = Installation(folder / "home", config=config)
        installation.pql("import", str(PROJECT / "tests" / "integration" / name / "mapping.yml"))
        installation.pql("run", *arguments)
        return installation

    return run
