"""dbt inside Dagster: the project, its manifest, and the two halves of it as assets, before and after the model."""

import hashlib
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster import AssetExecutionContext, AssetsDefinition, Failure, Output
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets
from packaging.version import Version

from orchestration.configuration import configuration_folder
from orchestration.identity_failures import explanations
from orchestration.progress import announce
from warehouse.connection import home

PROJECT = Path(__file__).resolve().parent.parent
PARSED_FOLDERS = ("models", "macros", "seeds", "snapshots", "tests/dbt")
PARSED_FILES = ("dbt_project.yml", "profiles.yml")

BEFORE_MODEL = "resource_type:seed staging identity activity features"
AFTER_MODEL = "scores activation reporting"


class LayerTranslator(DagsterDbtTranslator):
    """A folder under models/ is a Dagster group, as it is a schema."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer's folder; seeds are the configuration."""
        return "config" if dbt_resource_props["resource_type"] == "seed" else str(dbt_resource_props["fqn"][1])


class DbtWithoutAdapter(DbtCliResource):
    """dbt's command line without what Dagster prepares for each invocation to ask the warehouse for metadata.

    Nobody asks, and preparing took 10 s of a run: dbt started once more for its version, and its macros parsed anew.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(importlib.metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(  # pyright: ignore[reportIncompatibleMethodOverride] - Dagster takes None for none
        self, args: Sequence[str]
    ) -> None:
        return None


def environment() -> dict[str, str]:
    """What dbt is run with: the same home and configuration wherever dbt is started from, and no telemetry."""
    configuration = Path(os.environ.get("PQL_CONFIG", "seeds"))
    return {
        "PQL_HOME": str(home().resolve()),
        "PQL_CONFIG": os.path.relpath(configuration.resolve(), PROJECT),
        "DBT_TARGET_PATH": str(home().resolve() / "target"),
        "DBT_LOG_PATH": str(home().resolve() / "logs"),
        # A test runs with the half that has built the last of the models it reads.
        "DBT_INDIRECT_SELECTION": "buildable",
        # A log file costs dbt a tenth of its time at any level; what it says is in logs/dbt-console.log and target/run.
        "DBT_LOG_LEVEL_FILE": "none",
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def prepared_manifest() -> Path:
    """The manifest of the project as it stands; parsed anew only where a file that dbt reads has changed.

    Raises:
        RuntimeError: dbt cannot parse the project; with dbt's own words.
    """
    target = home().resolve() / "target"
    manifest, stamp = target / "manifest.json", target / "parsed.sha256"
    state = _project_state()
    if manifest.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == state:
        return manifest
    announce("reading the dbt project")
    parsed = subprocess.run(  # noqa: S603 - a fixed command
        [dbt_executable(), "parse", "--quiet", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)],
        cwd=PROJECT,
        env=os.environ | environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if parsed.returncode != 0:
        raise RuntimeError(f"dbt cannot read the project:\n{parsed.stdout}{parsed.stderr}")
    stamp.write_text(state, encoding="utf-8")
    return manifest


def dbt_resource() -> DbtWithoutAdapter:
    """dbt's command line for this project and home."""
    os.environ.update(environment())
    return DbtWithoutAdapter(
        project_dir=str(PROJECT),
        profiles_dir=str(PROJECT),
        dbt_executable=dbt_executable(),
    )


def dbt_half(name: str, select: str, manifest: Path) -> AssetsDefinition:
    """One half of the project as assets; each model, seed and test of `select` runs in one dbt invocation."""

    @dbt_assets(manifest=manifest, select=select, name=name, dagster_dbt_translator=LayerTranslator())
    def half(context: AssetExecutionContext, dbt: DbtWithoutAdapter) -> Iterator[Any]:
        # Unit tests need no data: they run in `make test`, not in every run.
        arguments = ["build", "--exclude-resource-type", "unit_test", *variables(context.run.tags)]
        invocation = dbt.cli(arguments, context=context, target_path=home().resolve() / "target", raise_on_error=False)
        for event in _quietly(invocation.stream()):
            _announce_node(event)
            yield event
        for table in made_anew(_console_log().read_text(encoding="utf-8")):
            announce(table)
        results = invocation.get_artifact("run_results.json")
        failures = [*failed_nodes(results), *explanations(results, home(), configuration_folder())]
        # Dagster goes on after a failed dbt test; a run may not (promise O2).
        if failures or not invocation.is_successful():
            raise Failure(
                description="\n".join(failures) or f"dbt build failed: {invocation.get_error()}", allow_retries=False
            )

    return half


def variables(tags: Mapping[str, str]) -> list[str]:
    """dbt's `--vars` for a run: the as-of date, where one was asked for."""
    as_of = tags.get("pql/as_of_date")
    return ["--vars", f"{{as_of_date: '{as_of}'}}"] if as_of else []


def failed_nodes(run_results: Mapping[str, Any]) -> list[str]:
    """A line for each model or test that failed, from dbt's run_results.json."""
    return [
        f"{result['unique_id'].split('.', 2)[-1]}: {(result['message'] or result['status']).strip()}"
        for result in run_results["results"]
        if result["status"] in ("error", "fail", "runtime error")
    ]


def made_anew(console: str) -> list[str]:
    """What dbt said of tables that keep their rows and yet were made anew in whole; a first time is no news."""
    said = [line.strip() for line in console.splitlines() if ": made anew in whole: " in line]
    return [line for line in said if not line.endswith("there is none yet")]


def _console_log() -> Path:
    return home().resolve() / "logs" / "dbt-console.log"


def _quietly(events: Iterator[Any]) -> Iterator[Any]:
    """The events of a dbt invocation; what dbt prints goes to `logs/dbt-console.log`, not over the progress."""
    log = _console_log()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as console:
        while True:
            with redirect_stdout(console):
                event = next(events, None)
            if event is None:
                return
            yield event


def _announce_node(event: Any) -> None:
    if isinstance(event, Output):
        unique_id = str(event.metadata["unique_id"].value)
        announce(f"built {unique_id.rsplit('.', 1)[-1]}")


def dbt_executable() -> str:
    """The `dbt` of this environment."""
    return str(Path(sys.executable).parent / "dbt")


def _project_state() -> str:
    digest = hashlib.sha256()
    configuration = Path(os.environ.get("PQL_CONFIG", "seeds"))
    paths = [path for folder in (*PARSED_FOLDERS, str(configuration)) for path in sorted((PROJECT / folder).rglob("*"))]
    for path in [PROJECT / name for name in PARSED_FILES] + paths:
        if path.is_file():
            digest.update(str(path).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
