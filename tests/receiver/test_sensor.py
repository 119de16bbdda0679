"""The sensor for micro-batches: what waits is loaded, and a run asked for where it is news."""

from pathlib import Path

import duckdb
import pytest
from dagster import (
    AssetSelection,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRequest,
    asset,
    build_sensor_context,
    define_asset_job,
)

from ingest.loader.load import segment_paths
from orchestration.sensors import received_events_sensor
from tests.receiver.test_loader import fill


@asset
def scored() -> None:
    """Stands for the house: the sensor only asks for a run."""


SENSOR = received_events_sensor(define_asset_job("pql", selection=AssetSelection.all()))


def look(instance: DagsterInstance | None = None) -> tuple[list[RunRequest], str | None]:
    """What one look asks for, or why it asks for nothing."""
    with DagsterInstance.ephemeral() as empty, build_sensor_context(instance=instance or empty) as context:
        seen = SENSOR.evaluate_tick(context)
    return list(seen.run_requests or []), seen.skip_message


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PQL_HOME", str(tmp_path))
    return tmp_path


def test_it_is_off_until_somebody_switches_it_on() -> None:
    assert SENSOR.default_status == DefaultSensorStatus.STOPPED


def test_waiting_segments_are_loaded_and_one_run_is_asked_for_until_news_come(home: Path) -> None:
    assert look() == ([], "no sealed segment waits")
    assert not (home / "pql.duckdb").exists(), "without segments the warehouse is not opened"
    fill(home, segments=2, events=10)
    requests, _ = look()
    assert [request.run_key for request in requests] == ["000001"]
    assert segment_paths(home) == []
    with duckdb.connect(str(home / "pql.duckdb")) as warehouse:
        assert warehouse.execute("select count(*) from receiver.segments").fetchone() == (2,)
        warehouse.execute("delete from receiver.segments where segment = '000000'")
    assert look() == ([], "no sealed segment waits")
    (home / "archive" / "000000.sealed").rename(home / "inbox" / "000000.sealed")
    assert look() == ([], "1 segments held nothing new")


def test_while_a_run_is_under_way_the_segments_wait(home: Path) -> None:
    fill(home, segments=1, events=10)
    with DagsterInstance.ephemeral() as instance:
        run = instance.add_run(DagsterRun(job_name="pql", status=DagsterRunStatus.STARTED))
        assert look(instance) == ([], "a run is under way: the segments wait for the next look")
        assert len(segment_paths(home)) == 1
        instance.delete_run(run.run_id)
        assert len(look(instance)[0]) == 1


def test_while_another_holds_the_warehouse_the_segments_wait(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(home, segments=1, events=10)
    from orchestration import sensors
    from warehouse.connection import WarehouseBusy

    def busy(folder: Path) -> None:
        raise WarehouseBusy(str(folder))

    with monkeypatch.context() as patched:
        patched.setattr(sensors, "opened_for_loading", busy)
        assert look() == ([], "the warehouse is in use: the segments wait for the next look")
    assert len(segment_paths(home)) == 1
    assert len(look()[0]) == 1
