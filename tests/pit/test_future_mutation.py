"""Design section 3: whatever is added, changed or deleted from D on, what a model learns as of D is bit-identical."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from comparison import differences, summary, two_builds
from mutation import mutate

pytestmark = pytest.mark.slow

DATE = "2026-03-01"
END = "2026-07-01"
TABLES = {
    "features.account_metrics": ("account_id", "as_of_date"),
    "features.account_signal_metrics": ("account_id", "as_of_date", "signal"),
    "features.account_cohort": ("account_id", "as_of_date"),
    "features.training_examples": ("account_id", "as_of_date"),
}
LABELS = ("is_won", "won_at", "amount", "is_mature")


@pytest.fixture(scope="module")
def other_future(built_copy: Callable[..., Path]) -> Path:
    return built_copy("other_future", END, partial(mutate, date=DATE))


@pytest.mark.parametrize("table", TABLES)
def test_past_rows_do_not_move_with_the_future(
    table: str, full_build: Path, other_future: Path, record_property: Callable[[str, object], None]
) -> None:
    with two_builds(full_build, other_future) as connection:
        compared, found = differences(connection, table, TABLES[table], DATE, ignored=LABELS)
    print(f"{table} up to {DATE}: {compared:,} rows compared, {len(found)} differences")
    record_property("rows_compared", compared)
    assert compared > 300
    assert not found, summary(found)
