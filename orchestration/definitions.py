"""The house as Dagster sees it: wiring alone."""

from dagster import AssetSelection, Definitions, define_asset_job, in_process_executor

from orchestration.dbt import AFTER_MODEL, BEFORE_MODEL, dbt_half, dbt_resource, prepared_manifest
from orchestration.lift_assets import lift_assets
from orchestration.ml_assets import model_assets, prediction_assets, start_run_assets
from orchestration.publishing import publishing_asset
from orchestration.schedules import daily_schedule
from orchestration.sensors import received_events_sensor
from orchestration.tracking_checks import tracking_check

manifest = prepared_manifest()
before_model = dbt_half("before_model", BEFORE_MODEL, manifest)
after_model = dbt_half("after_model", AFTER_MODEL, manifest)

# DuckDB has one writer: everything runs in one process, one step after the other.
pql_job = define_asset_job("pql", selection=AssetSelection.all(), executor_def=in_process_executor)

defs = Definitions(
    assets=[
        start_run_assets,
        before_model,
        model_assets,
        prediction_assets,
        lift_assets,
        after_model,
        publishing_asset(sorted(before_model.keys | after_model.keys)),
    ],
    asset_checks=[tracking_check],
    jobs=[pql_job],
    schedules=[daily_schedule(pql_job)],
    sensors=[received_events_sensor(pql_job)],
    resources={"dbt": dbt_resource()},
    executor=in_process_executor,
)
