"""dbt outside a run: models that somebody asks for, made beside what a run made."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any


class DbtFailed(RuntimeError):  # noqa: N818 - the name says what is wrong
    """dbt could not build the models; with dbt's own words."""


def build_models(select: str, variables: Mapping[str, Any]) -> None:
    """Build some models in the home's working file, and leave dbt's record of the last run as it is.

    Args:
        select: what to build, as dbt's `--select` takes it.
        variables: dbt's vars.

    Raises:
        DbtFailed: with what dbt said.
    """
    from orchestration.dbt import PROJECT, dbt_executable, environment  # Dagster comes along, and takes seconds

    # dbt writes what it did beside what it read: the run's own record of that stays.
    with tempfile.TemporaryDirectory(prefix="pql-on-demand-") as scratch:
        built = subprocess.run(  # noqa: S603 - a fixed command; what comes from outside is data in JSON
            [
                dbt_executable(), "run", "--quiet", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
                "--vars", json.dumps(dict(variables)), "--select", select,
            ],
            cwd=PROJECT,
            env=os.environ | environment() | {"DBT_TARGET_PATH": scratch, "DBT_LOG_PATH": scratch},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    if built.returncode != 0:
        raise DbtFailed(f"{built.stdout}{built.stderr}")
