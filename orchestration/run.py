"""Run the whole job in this process, and keep the ledger honest when it fails."""

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from dagster import DagsterExecutionInterruptedError, DagsterInstance

from orchestration.configuration import configuration_folder, require_valid
from warehouse.connection import home, open_working
from warehouse.runs import fail_run, published_run

DAGSTER_SETTINGS = Path(__file__).resolve().parent / "dagster.yaml"


@dataclass(frozen=True)
class RunResult:
    """How a run ended: the run it was, the run that consumers read now, and why it failed, if it did."""

    run_id: str
    published_run_id: str | None
    failure: str | None

    @property
    def changed(self) -> bool:
        """Whether consumers read something new."""
        return self.failure is None and self.run_id == self.published_run_id

    @property
    def was_interrupted(self) -> bool:
        """Whether somebody stopped it, with Ctrl-C for one: Dagster reports that as a failure of the step under way."""
        return DagsterExecutionInterruptedError.__name__ in (self.failure or "")


def run_job(as_of: date | None = None) -> RunResult:
    """Validate the configuration, then run the job `pql`: staging to publishing, in this process.

    Args:
        as_of: score as of this date instead of the first midnight after the newest fact.

    Raises:
        BadConfiguration: nothing was touched.
    """
    require_valid(configuration_folder())
    from orchestration.definitions import defs

    with DagsterInstance.from_config(str(dagster_home())) as instance:
        result = defs.resolve_job_def("pql").execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={"pql/as_of_date": as_of.isoformat()} if as_of else {},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        failure = None if result.success else _why(result)
    with open_working(home()) as backend:
        if failure:
            fail_run(backend, result.run_id, datetime.now(UTC).replace(tzinfo=None), failure)
        return RunResult(result.run_id, published_run(backend), failure)


def dagster_home() -> Path:
    """Dagster's folder inside the home, with our settings: telemetry off."""
    folder = home().resolve() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(DAGSTER_SETTINGS, folder / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def _why(result) -> str:
    reasons: list[str] = []
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            user_failure = event.step_failure_data.user_failure_data
            description = user_failure.description if user_failure else None
            reasons.append(f"{event.step_key}: {description or (error.cause or error).message.strip()}")
    return "\n".join(reasons) or "the run failed before its first step"
