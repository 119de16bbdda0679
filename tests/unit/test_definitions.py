"""The house as Dagster sees it: one graph from staging to activation, with the model in its place."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from dagster import AssetKey, DefaultScheduleStatus


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PQL_HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("PQL_CONFIG", "DBT_TARGET_PATH", "DBT_LOG_PATH", "DBT_INDIRECT_SELECTION"):
            patch.delenv(name, raising=False)
        from orchestration.definitions import defs

        yield defs


@pytest.fixture(scope="module")
def ancestors(defs) -> Callable[[AssetKey], set[AssetKey]]:
    graph = defs.resolve_asset_graph()

    def walk(key: AssetKey) -> set[AssetKey]:
        found: set[AssetKey] = set()
        pending = [key]
        while pending:
            for parent in graph.get(pending.pop()).parent_keys - found:
                found.add(parent)
                pending.append(parent)
        return found

    return walk


def test_lineage_runs_from_raw_tables_to_what_consumers_read(ancestors: Callable[[AssetKey], set[AssetKey]]):
    path = [
        ["segment", "tracks"], ["staging", "stg_segment__events"], ["identity", "accounts"],
        ["activity", "account_days"],
        ["features", "training_examples"], ["ml", "models"], ["ml", "predictions"], ["scores", "account_score_history"],
        ["activation", "sync_salesforce_accounts_by_run"], ["published", "pql"],
    ]  # fmt: skip
    for earlier, later in pairwise(path):
        assert AssetKey(earlier) in ancestors(AssetKey(later)), f"{later} does not come after {earlier}"


def test_a_layer_is_a_group(defs):
    graph = defs.resolve_asset_graph()
    for schema, group in (("staging", "staging"), ("identity", "identity"), ("scores", "scores"), ("config", "config")):
        groups = {graph.get(key).group_name for key in graph.materializable_asset_keys if key.path[0] == schema}
        assert groups == {group}


def test_everything_is_published_last(defs, ancestors: Callable[[AssetKey], set[AssetKey]]):
    graph = defs.resolve_asset_graph()
    published = AssetKey(["published", "pql"])

    assert graph.materializable_asset_keys - ancestors(published) == {published}


def test_the_daily_schedule_is_off_until_switched_on(defs):
    schedule = defs.resolve_schedule_def("daily")

    assert schedule.default_status == DefaultScheduleStatus.STOPPED
    assert schedule.job_name == "pql"
