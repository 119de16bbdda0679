"""What starts the job because something came in. Off until somebody switches it on in Dagster."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from ingest.loader.load import load_segments, segment_paths
from ingest.receiver.segments import SEALED
from orchestration.loading import opened_for_loading
from warehouse.connection import WarehouseBusy, home

SECONDS_BETWEEN_LOOKS = 60
UNDER_WAY = (DagsterRunStatus.QUEUED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)
LONGEST_RUN = timedelta(hours=6)  # one that was killed stays under way for Dagster, and must not stop loading for ever


def received_events_sensor(job: UnresolvedAssetJobDefinition) -> SensorDefinition:
    """Load sealed segments that wait, and ask for a run where they hold anything new: micro-batches without cron.

    While a run is under way nothing is loaded, also between two of its steps, so that all of it reads the same events;
    the segments wait for the next look. The run key names the newest segment, so that one load asks for one run.
    """

    @sensor(
        name="received_events",
        job=job,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=DefaultSensorStatus.STOPPED,
        description="Loads what `pql serve` received, and runs where it holds anything new.",
    )
    def received_events(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        if not any(path.name.endswith(SEALED) for path in segment_paths(home())):
            yield SkipReason("no sealed segment waits")
            return
        if _is_under_way(context.instance, job.name):
            yield SkipReason("a run is under way: the segments wait for the next look")
            return
        try:
            with opened_for_loading(home()) as warehouse:
                loaded = list(load_segments(warehouse, home(), datetime.now(UTC).replace(tzinfo=None)))
        except WarehouseBusy:
            yield SkipReason("the warehouse is in use: the segments wait for the next look")
            return
        for segment in loaded:
            if segment.is_damaged:
                context.log.warning(
                    f"segment {segment.segment} is damaged: {segment.lost:,} acknowledged events are lost"
                )
        events = sum(segment.loaded for segment in loaded)
        if events:
            yield RunRequest(run_key=max(segment.segment for segment in loaded))
        else:
            yield SkipReason(f"{len(loaded)} segments held nothing new")

    return received_events


def _is_under_way(instance: DagsterInstance, job: str) -> bool:
    since = datetime.now(UTC) - LONGEST_RUN
    return bool(instance.get_runs(RunsFilter(job_name=job, statuses=list(UNDER_WAY), created_after=since), limit=1))
