"""Metrics of one account as of any date: read where a run made them, else made now by the same models, beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from orchestration.dbt_on_demand import DbtFailed, build_models
from orchestration.progress import announce
from warehouse.connection import Backend, open_published, open_working, open_working_to_read
from warehouse.tables import query

SCHEMA = "metrics_on_demand"
MODELS = "features,+account_metrics features,+account_signal_metrics"


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
    variables = {"as_of_date": as_of.isoformat(), "only_as_of_date": True, "features_schema": SCHEMA}
    try:
        build_models(MODELS, variables)
    except DbtFailed as error:
        raise MetricsFailed(f"the metrics of {as_of} could not be made:\n{error}") from error


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
