"""The last step of a run: move the pointer, and write the file that consumers read."""

from datetime import UTC, datetime
from typing import Any

from dagster import AssetKey, AssetsDefinition, MaterializeResult, asset

from orchestration.progress import announce
from warehouse.connection import home, open_working
from warehouse.published_file import write_published_file
from warehouse.runs import publish_run, running_run

CONTRIBUTIONS = ("account_id", "signal", "contribution", "points", "value", "label", "rank")
# What makes a run's content; the times of the run itself and what is derived from the run before are left out.
CONTENT = {
    "scores.account_score_history": (
        "account_id", "as_of_date", "model_version", "score_basis", "margin", "probability", "probability_low",
        "probability_high", "confidence_pct", "score", "percentile", "grade", "rule_points", "rule_verdict",
        "fit_score", "intent_score", "readiness_score", "fit_tier", "intent_tier", "is_ready", "stage",
        "reasons_for", "reasons_against", "readiness_reasons", "top_signals",
    ),
    "scores.expansion_score_history": (
        "account_id", "as_of_date", "model_version", "score_basis", "margin", "probability", "probability_low",
        "probability_high", "score", "percentile", "is_ready", "rule_points", "rule_verdict", "top_signals",
    ),
    "scores.expansion_contributions_by_run": CONTRIBUTIONS,
    "scores.signal_contributions_by_run": CONTRIBUTIONS,
    "scores.score_evidence_by_run": ("account_id", "signal", "event_id", "person_id", "occurred_at"),
    "activation.plays_by_run": (
        "account_id", "play", "owner", "owner_by", "contact_person_id", "sla_hours", "channel", "reason",
        "talking_points",
    ),
    "activation.sync_salesforce_accounts_by_run": ("sync_key", "crm_object_id", "row_hash"),
    "ml.rule_points": ("account_id", "rule_group", "points", "cap"),
    "ml.rule_lift": ("rule_group", "signal", "metric", "at_least", "one_of", "points", "lift", "learned_points"),
    "ml.band_outcomes": ("grade", "minimum_score", "rows", "won_rows"),
    "ml.band_review": ("segment", "grade", "minimum_score", "proposed_minimum", "verdict"),
    "ml.signal_lift": ("time_window", "signal", "at_least", "converters", "rest", "rank", "p_value", "q_value"),
    "ml.signal_lift_by_month": ("time_window", "signal", "at_least", "cohort_month", "converters", "rest", "trend"),
    "identity.identity_assignments_by_run": ("node", "person_id", "account_id"),
}  # fmt: skip


def publishing_asset(upstream: list[AssetKey]) -> AssetsDefinition:
    """The asset that consumers read; it comes after everything in `upstream`, tests included."""

    @asset(
        key=AssetKey(["published", "pql"]),
        group_name="publishing",
        deps=upstream,
        description="published/pql.duckdb: the file that BI tools, reverse-ETL and `pql` read, always one whole run.",
    )
    def published() -> MaterializeResult[Any]:
        with open_working(home()) as backend:
            run_id, _ = running_run(backend)
            publication = publish_run(backend, run_id, datetime.now(UTC).replace(tzinfo=None), CONTENT)
            path = write_published_file(backend, home())
        announce(f"published run {publication.run_id}" if publication.changed else "nothing changed")
        return MaterializeResult(
            metadata={"run_id": publication.run_id, "changed": publication.changed, "file": str(path)}
        )

    return published
