"""Which signals separate converters from the rest: counted by dbt, tested here, kept by run."""

import pyarrow.compute as pc
from dagster import AssetKey, AssetSpec, MaterializeResult, multi_asset

from ml.lift import compare
from orchestration.ml_assets import forget_unpublished, of_run
from orchestration.progress import announce
from warehouse.connection import home, open_working
from warehouse.runs import running_run
from warehouse.tables import read_table, replace_rows

COUNTS = AssetKey(["features", "conversion_counts"])
LIFT_TABLES = ("signal_lift", "signal_lift_by_month")


@multi_asset(
    name="lift",
    specs=[AssetSpec(["ml", name], group_name="ml", deps=[COUNTS]) for name in LIFT_TABLES],
)
def lift_assets():
    """Compare who converted with the rest, signal by signal."""
    with open_working(home()) as backend:
        run_id, _ = running_run(backend)
        counts = read_table(backend, "features", "conversion_counts")
        tables = dict(zip(LIFT_TABLES, compare(counts), strict=True))
        forget_unpublished(backend, LIFT_TABLES)
        replace_rows(backend, "ml", {name: of_run(rows, run_id) for name, rows in tables.items()}, "run_id", run_id)
    discoveries = pc.sum(tables["signal_lift"]["is_discovery"]).as_py()
    announce(f"compared converters with the rest: {discoveries} discoveries")
    for name, rows in tables.items():
        yield MaterializeResult(asset_key=["ml", name], metadata={"rows": rows.num_rows})
