"""The Python side of a run, between the two halves of dbt: learn from the examples, score today's, keep both by run."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from math import isnan
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, MetadataValue, multi_asset

from ml import register
from ml.dataset import Dataset, MissingFeature, build_dataset, labelled
from ml.leaks import LeakReport, check_leaks, told
from ml.register import TamperedModel, TrainedModel
from ml.rules import rule_points
from ml.score import score
from ml.train import rules_only, train
from orchestration.progress import announce
from warehouse.connection import Backend, home, open_working
from warehouse.reference_lists import load_reference_lists
from warehouse.runs import models_of_run, record_models, running_run, start_run
from warehouse.tables import has_table, query, read_table, replace_rows

EXAMPLES = [
    AssetKey(["features", name]) for name in ("training_examples", "scoring_examples", "account_signal_metrics")
]
SEEDS = [AssetKey(["config", name]) for name in ("signals", "scoring_rules", "settings", "accepted_leaks")]
MODEL_TABLES = ("models", "calibration_maps", "backtests", "signal_weights", "ladder")
RUN_TABLES = ("predictions", "feature_contributions")
DORMANT = ("never_active", "inactive")  # places in the cohort that no model is trained on, nor anything like them


@multi_asset(
    name="start_run",
    specs=[
        AssetSpec(["publishing", "runs"], group_name="publishing", description="The ledger of runs; this run begins."),
        AssetSpec(["reference", "public_suffixes"], group_name="reference", description="The public suffix list."),
        AssetSpec(["reference", "mail_domains"], group_name="reference", description="Mail providers and schools."),
    ],
)
def start_run_assets(context: AssetExecutionContext):
    """Open the run in the ledger and load the lists that identity joins."""
    now = datetime.now(UTC).replace(tzinfo=None)
    with open_working(home()) as backend:
        start_run(backend, context.run.run_id, now)
        counts = load_reference_lists(backend)
    announce("run opened, reference lists loaded")
    yield MaterializeResult(asset_key=["publishing", "runs"], metadata={"run_id": context.run.run_id})
    for name, rows in counts.items():
        yield MaterializeResult(asset_key=["reference", name], metadata={"rows": rows})


@multi_asset(
    name="learn",
    specs=[AssetSpec(["ml", name], group_name="ml", deps=[*EXAMPLES, *SEEDS]) for name in MODEL_TABLES],
)
def model_assets():
    """Train on the mature examples, or keep the model that the same data and code gave before.

    Examples that leak fail the run first: nothing is trained on them, and nothing of the run is published.
    """
    with open_working(home()) as backend:
        signals, rules = read_table(backend, "config", "signals"), read_table(backend, "config", "scoring_rules")
        examples = read_table(backend, "features", "training_examples")
        metrics = read_metrics(backend, "training_examples")
        horizon_days = int(setting(backend, "horizon_days"))
        announce(f"learning from {examples.num_rows:,} past accounts")
        dataset = build_dataset(examples, metrics, signals)
        leaks = check_leaks(dataset, horizon_days, accepted_leaks(backend))
        announce(leaks_in_words(leaks))
        now = datetime.now(UTC)
        version = version_trained_before(backend, dataset, horizon_days)
        if version is None:
            points = rule_points(rules, examples, metrics, signals)
            trained = train(dataset, rules, horizon_days, now, rule_points=points)
            version = keep_model(backend, trained)
        # An account without recent activity is like none that the model saw: the rules score it.
        dormant = rules_only(dataset, rules, horizon_days, now, "no activity within the cohort's days")
        run_id, _ = running_run(backend)
        record_models(backend, run_id, version, keep_model(backend, dormant))
        rung, metrics = model_summary(backend, version)
    announce(f"model {version} ({rung})")
    for name in MODEL_TABLES:
        yield MaterializeResult(
            asset_key=["ml", name],
            metadata={
                "model_version": version,
                "rung": rung,
                "figures": MetadataValue.json(metrics),
                "leaks": MetadataValue.json(leaks_as_json(leaks)),
            },
        )


@multi_asset(
    name="predict",
    specs=[
        AssetSpec(
            ["ml", name],
            group_name="ml",
            deps=[*EXAMPLES, *SEEDS, *(AssetKey(["ml", table]) for table in MODEL_TABLES)],
        )
        for name in RUN_TABLES
    ],
)
def prediction_assets():
    """Score every account of today with the model of this run, with each feature's exact share."""
    with open_working(home()) as backend:
        run_id, _ = running_run(backend)
        models, maps = read_table(backend, "ml", "models"), read_table(backend, "ml", "calibration_maps")
        examples = read_table(backend, "features", "scoring_examples")
        metrics = read_metrics(backend, "scoring_examples")
        signals = read_table(backend, "config", "signals")
        is_dormant = pc.is_in(examples["cohort"], pa.array(DORMANT))
        of_active, of_dormant = models_of_run(backend, run_id)
        rules_model = register.load_model(models, maps, of_dormant)
        try:
            active = score(
                register.load_model(models, maps, of_active),
                examples.filter(pc.invert(is_dormant)),
                metrics,
                signals,
                run_id,
            )
        except (MissingFeature, TamperedModel) as reason:
            announce(f"the model cannot score, so the rules do, and every row says so: {reason}")
            active = score(rules_model, examples.filter(pc.invert(is_dormant)), metrics, signals, run_id)
        scored = [active, score(rules_model, examples.filter(is_dormant), metrics, signals, run_id)]
        predictions, contributions = (pa.concat_tables(tables) for tables in zip(*scored, strict=True))
        forget_unpublished(backend, RUN_TABLES)
        replace_rows(
            backend, "ml", {"predictions": predictions, "feature_contributions": contributions}, "run_id", run_id
        )
    announce(f"scored {predictions.num_rows:,} accounts")
    for name, rows in (("predictions", predictions), ("feature_contributions", contributions)):
        yield MaterializeResult(asset_key=["ml", name], metadata={"rows": rows.num_rows})


def read_metrics(backend: Backend, examples: str):
    """The signal metrics of exactly the (account, date) pairs of an examples table."""
    metrics = backend.table("account_signal_metrics", database="features")
    return metrics.semi_join(backend.table(examples, database="features"), ["account_id", "as_of_date"]).to_pyarrow()


def setting(backend: Backend, name: str) -> str:
    """One value of seeds/settings.csv as the run loaded it."""
    rows = query(backend, "select value from config.settings where setting = ?", [name])
    return rows[0]["value"]


def accepted_leaks(backend: Backend) -> dict[str, str]:
    """Features that seeds/accepted_leaks.csv lets pass, each with the reason."""
    return {
        row["feature"]: row["reason"] for row in query(backend, "select feature, reason from config.accepted_leaks")
    }


def leaks_in_words(report: LeakReport) -> str:
    """What the gates saw, for whoever watches the run."""
    nearest = f"; nearest: {told(report.suspicions[0])}" if report.suspicions else ""
    return "; ".join([f"no leak among {len(report.suspicions)} features{nearest}", *report.notes])


def leaks_as_json(report: LeakReport) -> dict[str, Any]:
    """What the gates saw, for the record of the run: the ten worst suspicions, and chance."""
    return {
        "suspicions": [told(suspicion) for suspicion in report.suspicions[:10]],
        "auc_with_dealt_outcomes": None if isnan(report.dealt_auc) else round(report.dealt_auc, 4),
        "within_of_one_half": None if isnan(report.dealt_bound) else round(report.dealt_bound, 4),
        "notes": list(report.notes),
    }


def version_trained_before(backend: Backend, dataset: Dataset, horizon_days: int) -> str | None:
    """The model that the same examples, horizon and code gave before; None where it has yet to be trained.

    Only learned models are kept so: the rules rung also depends on scoring_rules.csv, and costs nothing to repeat.
    """
    if not has_table(backend, "ml", "models"):
        return None
    rows = query(
        backend,
        """
        select model_version from ml.models
        where rung <> ? and data_hash = ? and code_hash = ? and cast(manifest ->> '$.horizon_days' as integer) = ?
        """,
        [register.RULES, register.data_hash(labelled(dataset)), register.code_hash(), horizon_days],
    )
    return rows[0]["model_version"] if rows else None


def keep_model(backend: Backend, trained: TrainedModel) -> str:
    """Store a model, unless this very one is stored: then its first training date stands. Returns its version."""
    version = trained.record.model_version
    stored = "select 1 from ml.models where model_version = ?"
    if not (has_table(backend, "ml", "models") and query(backend, stored, [version])):
        tables = {
            "models": register.models_table(trained),
            "calibration_maps": register.calibration_table(trained),
            "backtests": register.backtests_table(trained),
            "signal_weights": register.signal_weights_table(trained),
            "ladder": register.ladder_table(trained),
        }
        replace_rows(backend, "ml", tables, "model_version", version)
    return version


def model_summary(backend: Backend, version: str) -> tuple[str, dict[str, Any]]:
    """A stored model's rung and figures."""
    row = query(backend, "select rung, metrics from ml.models where model_version = ?", [version])[0]
    return row["rung"], json.loads(row["metrics"])


def forget_unpublished(backend: Backend, tables: Iterable[str]) -> None:
    """Drop the rows of runs that nobody reads: only the published run's stay beside those of the one under way."""
    for name in tables:
        if has_table(backend, "ml", name):
            backend.con.execute(f"delete from ml.{name} where run_id not in (select run_id from publishing.pointer)")  # noqa: S608
