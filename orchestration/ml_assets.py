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
from ml.leaks import LeakReport, told
from ml.rules import points_by_group
from ml.score import score
from ml.segments import read_segments, segment_members
from ml.train import rules_only
from orchestration.band_review import reviewed_bands
from orchestration.model_card import in_short, read_facts
from orchestration.models import (
    DORMANT,
    EXPANSION,
    Decider,
    checked_history,
    choose_model,
    is_customer,
    keep_model,
    read_metrics,
    read_today,
    rules_in_use,
    weighed_rules,
)
from orchestration.next_actions import actions_of_today
from orchestration.progress import announce
from orchestration.restating import restated_points
from warehouse.connection import Backend, home, open_working
from warehouse.reference_lists import load_reference_lists
from warehouse.runs import ModelsOfRun, models_of_run, record_models, running_run, start_run
from warehouse.tables import has_table, query, read_table, replace_rows

EXAMPLES = [
    AssetKey(["features", name])
    for name in (
        *("training_examples", "expansion_labels", "scoring_examples", "account_metrics", "account_signal_metrics"),
    )
]
SEEDS = [
    AssetKey(["config", name])
    for name in ("signals", "rule_presets", "scoring_rules", "bands", "settings", "segments", "accepted_leaks")
]
MODEL_TABLES = (
    *("models", "calibration_maps", "backtests", "signal_weights", "ladder", "segments"),
    *("judged_accounts", "model_status", "drift", "rule_lift", "band_outcomes", "band_review"),
)
RUN_TABLES = (
    "predictions",
    "feature_contributions",
    "rule_points",
    "restated_points",
    "next_actions",
    "account_segments",
    "expansion_predictions",
    "expansion_contributions",
    "expansion_rule_points",
)


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
    """Score with the champion; train a challenger where one is due, and promote it where it has proved itself.

    First for new business, then for what more customers may buy.

    Examples that leak fail the run first: nothing is trained on them, and nothing of the run is published.
    """
    with open_working(home()) as backend:
        history, leaks = checked_history(backend)
        announce(f"learning from {history.examples.num_rows:,} past accounts")
        announce(leaks_in_words(leaks))
        customers, leaks_of_customers = checked_history(backend, EXPANSION)
        announce(f"learning expansion from {customers.examples.num_rows:,} past customers")
        announce(leaks_in_words(leaks_of_customers))
        run_id, _ = running_run(backend)
        now = datetime.now(UTC)
        choice = choose_model(backend, history, read_today(backend), Decider(now, run_id))
        today = read_today(backend, EXPANSION)
        expansion = choose_model(backend, customers, today, Decider(now, run_id, EXPANSION))
        for line in [*choice.said, *(f"expansion: {said}" for said in expansion.said)]:
            announce(line)
        version = choice.model_version
        found = {
            "drift": pa.concat_tables([choice.drift, expansion.drift]),
            "rule_lift": weighed_rules(backend, history, version),
            **reviewed_bands(backend, history, version),
        }
        forget_unpublished(backend, found)
        replace_rows(backend, "ml", {name: of_run(rows, run_id) for name, rows in found.items()}, "run_id", run_id)
        # An account without recent activity is like none that the model saw: the rules score it.
        reason = "no activity within the cohort's days"
        dormant = rules_only(history.dataset, history.scoring_rules, history.horizon_days, now, reason)
        record_models(backend, run_id, ModelsOfRun(version, keep_model(backend, dormant), expansion.model_version))
        rung, metrics = model_summary(backend, version)
        card = in_short(read_facts(backend, version))
        expansion_rung, _ = model_summary(backend, expansion.model_version)
    announce(f"model {version} ({rung}); of customers {expansion.model_version} ({expansion_rung})")
    for name in MODEL_TABLES:
        yield MaterializeResult(
            asset_key=["ml", name],
            metadata={
                "model_version": version,
                "rung": rung,
                "card": MetadataValue.md(card),
                "figures": MetadataValue.json(metrics),
                "leaks": MetadataValue.json(leaks_as_json(leaks)),
                "decisions": MetadataValue.json(list(choice.said)),
                "expansion_model_version": expansion.model_version,
                "expansion_leaks": MetadataValue.json(leaks_as_json(leaks_of_customers)),
                "expansion_decisions": MetadataValue.json(list(expansion.said)),
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
    """Score every account of today with the model of this run, and every customer with that of customers.

    Each with every feature's exact share.
    """
    with open_working(home()) as backend:
        run_id, _ = running_run(backend)
        models, maps = read_table(backend, "ml", "models"), read_table(backend, "ml", "calibration_maps")
        examples = read_table(backend, "features", "scoring_examples")
        metrics = read_metrics(backend, "scoring_examples")
        signals = read_table(backend, "config", "signals")
        is_dormant = pc.is_in(examples["cohort"], pa.array(DORMANT))
        active, dormant = examples.filter(pc.invert(is_dormant)), examples.filter(is_dormant)
        versions = models_of_run(backend, run_id)
        serving, of_dormant, of_customers = (
            register.load_model(models, maps, version)
            for version in (versions.model, versions.rules, versions.expansion)
        )
        scored = [
            score(model, accounts, metrics, signals, run_id)
            for model, accounts in ((serving, active), (of_dormant, dormant))
        ]
        predictions, contributions = (pa.concat_tables(tables) for tables in zip(*scored, strict=True))
        points = points_by_group(rules_in_use(backend), examples, metrics, signals, run_id)
        customers = examples.filter(is_customer(examples))
        expansion_predictions, expansion_contributions = score(of_customers, customers, metrics, signals, run_id)
        segments = read_segments(read_table(backend, "config", "segments"))
        restated = restated_points(backend, run_id, predictions, examples, metrics, signals)
        tables = {
            "predictions": predictions,
            "feature_contributions": contributions,
            "rule_points": points,
            "restated_points": restated,
            "account_segments": of_run(segment_members(segments, examples, metrics, signals), run_id),
            "expansion_predictions": expansion_predictions,
            "expansion_contributions": expansion_contributions,
            "expansion_rule_points": points_by_group(
                rules_in_use(backend, EXPANSION), customers, metrics, signals, run_id
            ),
            "next_actions": actions_of_today(backend, serving, active, metrics, signals, run_id),
        }
        forget_unpublished(backend, RUN_TABLES)
        replace_rows(backend, "ml", tables, "run_id", run_id)
    announce(f"scored {predictions.num_rows:,} accounts, and {customers.num_rows:,} customers for expansion")
    for name, rows in tables.items():
        yield MaterializeResult(asset_key=["ml", name], metadata={"rows": rows.num_rows})


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


def model_summary(backend: Backend, version: str) -> tuple[str, dict[str, Any]]:
    """A stored model's rung and figures."""
    row = query(backend, "select rung, metrics from ml.models where model_version = ?", [version])[0]
    return row["rung"], json.loads(row["metrics"])


def forget_unpublished(backend: Backend, tables: Iterable[str]) -> None:
    """Drop the rows of runs that nobody reads: only the published run's stay beside those of the one under way."""
    for name in tables:
        if has_table(backend, "ml", name):
            backend.con.execute(f"delete from ml.{name} where run_id not in (select run_id from publishing.pointer)")  # noqa: S608


def of_run(rows: pa.Table, run_id: str) -> pa.Table:
    """The rows with the run that wrote them in front."""
    return rows.add_column(0, "run_id", pa.array([run_id] * rows.num_rows, pa.string()))
