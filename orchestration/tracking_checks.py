"""The tracking-plan check as Dagster sees it: a warning on the events of a run, never a reason to stop it."""

from dagster import AssetCheckResult, AssetCheckSeverity, AssetKey, asset_check

from orchestration.configuration import configuration_folder, rows_with_lines
from orchestration.progress import announce
from orchestration.tracking import check_tracking, in_words
from warehouse.connection import home, open_working


@asset_check(asset=AssetKey(["activity", "events"]), name="sources_send_what_they_should")
def tracking_check() -> AssetCheckResult:
    """New names, lacking properties, other types and fewer events, on the last whole day of each source."""
    plan = [row for _, row in rows_with_lines(configuration_folder(), "tracking_plan")]
    with open_working(home()) as backend:
        checked = check_tracking(backend, plan)
    lines = {f"{one.source} on {one.day}": in_words(one) for one in checked if one.changes}
    for source, changes in lines.items():
        announce(f"warning: {source}: {'; '.join(changes)}")
    return AssetCheckResult(passed=not lines, severity=AssetCheckSeverity.WARN, metadata=dict(lines))
