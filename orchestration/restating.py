"""What the published run's model says of today's accounts: a change of model is told from a change of facts by it."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ml import arrow
from ml.arrow import Schema
from ml.dataset import MissingFeature
from ml.register import TamperedModel
from ml.rules import UnusableRule
from ml.score import score
from orchestration.models import open_stored
from warehouse.connection import Backend
from warehouse.tables import has_table, query

RESTATED: Schema = {"run_id": "text", "account_id": "text", "signal": "text", "points": "float"}


def restated_points(
    backend: Backend, run_id: str, predictions: pa.Table, examples: pa.Table, metrics: pa.Table, signals: pa.Table
) -> pa.Table:
    """`RESTATED`: points by the published run's model for the accounts that another model scores today.

    Accounts whose former model cannot be used any more, or that had no score, have no rows.
    """
    now = dict(zip(predictions["account_id"].to_pylist(), predictions["model_version"].to_pylist(), strict=True))
    accounts: dict[str, list[str]] = {}
    for account, version in _published_models(backend):
        if account in now and now[account] != version:
            accounts.setdefault(version, []).append(account)
    tables = [arrow.build_rows(RESTATED, [])]
    for version in sorted(accounts):
        try:
            model, _ = open_stored(backend, version)
            chosen = examples.filter(pc.is_in(examples["account_id"], pa.array(accounts[version])))
            _, contributions = score(model, chosen, metrics, signals, run_id)
        except (LookupError, TamperedModel, MissingFeature, UnusableRule):
            continue  # the whole change of these accounts is then the model's, and shown so
        summed = contributions.group_by(["run_id", "account_id", "signal"]).aggregate([("points", "sum")])
        tables.append(summed.rename_columns({"points_sum": "points"}).select(list(RESTATED)))
    return pa.concat_tables(tables)


def _published_models(backend: Backend) -> Iterator[tuple[str, str]]:
    if not has_table(backend, "ml", "predictions"):
        return iter(())
    rows = query(
        backend,
        """
        select account_id, model_version from ml.predictions
        where run_id in (select run_id from publishing.pointer) order by account_id
        """,
    )
    return ((row["account_id"], row["model_version"]) for row in rows)
