"""When the job runs by itself. Off until somebody switches it on in Dagster."""

from dagster import DefaultScheduleStatus, ScheduleDefinition
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def daily_schedule(job: UnresolvedAssetJobDefinition) -> ScheduleDefinition:
    """Every day at 05:00 UTC, after the nightly loads of the usual connectors."""
    return ScheduleDefinition(
        name="daily",
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.STOPPED,
    )
