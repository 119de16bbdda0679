"""What a run logs over kept connections is what Dagster's own storage reads, meanwhile and afterwards."""

import shutil
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, asset, materialize
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration.event_log import KEPT, KeptSqliteEventLogStorage
from orchestration.run import DAGSTER_SETTINGS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    shutil.copyfile(DAGSTER_SETTINGS, tmp_path / "dagster.yaml")
    return tmp_path


@asset
def table() -> None: ...


def test_more_runs_than_connections_are_kept_are_all_there_for_dagsters_own_storage(folder: Path):
    own = SqliteEventLogStorage(str(folder / "history" / "runs"))
    with DagsterInstance.from_config(str(folder)) as instance:
        assert isinstance(instance.event_log_storage, KeptSqliteEventLogStorage)
        runs = [materialize([table], instance=instance).run_id for _ in range(KEPT + 2)]
        logged = {run: own.get_logs_for_run(run) for run in runs}  # while the connections are open
        assert {run: instance.event_log_storage.get_logs_for_run(run) for run in runs} == logged
    assert all(any(entry.dagster_event_type == "ASSET_MATERIALIZATION" for entry in logged[run]) for run in runs)
    assert own.all_asset_keys() == [AssetKey(["table"])]


def test_a_wiped_log_takes_the_next_run(folder: Path):
    with DagsterInstance.from_config(str(folder)) as instance:
        wiped = materialize([table], instance=instance).run_id
        instance.event_log_storage.wipe()
        run = materialize([table], instance=instance).run_id
        assert instance.event_log_storage.get_logs_for_run(wiped) == []
        assert instance.event_log_storage.get_logs_for_run(run)
