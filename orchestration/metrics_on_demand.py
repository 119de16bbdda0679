"""Metrics of one account as of any date: read where a run made them, else made now by the same models, beside them."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from orchestration.progress import announce
from warehouse.connection import Backend, open_published, open_working, open_working_to_read
from warehouse.tables import query

SCHEMA = "metrics_on_demand"
MODELS = ("features,+account_metrics", "features,+account_signal_metrics")


class MetricsFailed(RuntimeError):  # noqa: N818 - the name says what is wrong
    """The models could not be built; with dbt's own words."""


@dataclass(frozen=True)
class Metrics:
    """An account's row of `account_metrics` (None: not known yet) and its rows of `account_signal_metrics`."""

    account_id: str
    as_of_date: date
    account: dict[str, Any] | None
    signals: tuple[dict[str, Any], ...]


def metrics_as_of(folder: Path, account_id: str, as_of: date) -> Metrics:
    """Every metric of an account as of a date; what is published, and the run it came from, stay as they are.

    Raises:
        WarehouseMissing: nothing is published in the folder.
        WarehouseBusy: the metrics have to be made, and a run holds the working file.
        MetricsFailed: dbt could not build the models.
    """
    with open_published(folder) as backend:
        if query(backend, "select 1 from features.as_of_dates where as_of_date = ?", [as_of]):
            return _read(backend, "features", account_id, as_of)
    with made_beside(folder, as_of), open_working_to_read(folder) as backend:
        return _read(backend, SCHEMA, account_id, as_of)


@contextmanager
def made_beside(folder: Path, as_of: date) -> Iterator[None]:
    """The features of one date in a schema of their own, dropped on leaving, and before where a crash left it."""
    _drop(folder)
    try:
        announce(f"making the metrics of {as_of}, of which no run is published")
        _build(as_of)
        yield
    finally:
        _drop(folder)


def _build(as_of: date) -> None:
    from orchestration.dbt import PROJECT, dbt_executable, environment  # Dagster comes along, and takes seconds

    variables = f"{{as_of_date: '{as_of}', only_as_of_date: true, features_schema: {SCHEMA}}}"
    # dbt writes what it did beside what it read: the run's own record of that stays.
    with tempfile.TemporaryDirectory(prefix="pql-metrics-") as scratch:
        built = subprocess.run(  # noqa: S603 - a fixed command; the date is a date
            [
                dbt_executable(), "run", "--quiet", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
                "--vars", variables, "--select", *MODELS,
            ],
            cwd=PROJECT,
            env=os.environ | environment() | {"DBT_TARGET_PATH": scratch, "DBT_LOG_PATH": scratch},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    if built.returncode != 0:
        raise MetricsFailed(f"the metrics of {as_of} could not be made:\n{built.stdout}{built.stderr}")


def _drop(folder: Path) -> None:
    with open_working(folder) as backend:
        backend.con.execute(f"drop schema if exists {SCHEMA} cascade")


def _read(backend: Backend, schema: str, account_id: str, as_of: date) -> Metrics:
    account, signals = (
        query(
            backend,
            f"select * from {schema}.{table} where account_id = ? and as_of_date = ? order by all",  # noqa: S608 - ours
            [account_id, as_of],
        )
        for table in ("account_metrics", "account_signal_metrics")
    )
    return Metrics(account_id, as_of, account[0] if account else None, tuple(signals))
