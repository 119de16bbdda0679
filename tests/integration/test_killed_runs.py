"""A run that was killed leaves what is published, and the next run is as if nothing had happened."""

import os
import signal
import time
from pathlib import Path

import duckdb
import pytest

from tests.integration.conftest import LESS_DATA, Installation

FULL = os.environ.get("PQL_TEST_FULL") == "1"
KILLED_AT = ["scored", "built account_days", "run opened", "built account_score_history", "learning from"]


@pytest.fixture(scope="module")
def undisturbed(small_company: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The small company after its last two weeks of events were taken back, run in peace."""
    installation = small_company.copied_to(tmp_path_factory.mktemp("undisturbed") / "home")
    installation.change(LESS_DATA)
    installation.pql("run")
    return installation


@pytest.mark.parametrize("step", KILLED_AT if FULL else KILLED_AT[:1])
def test_O1_a_killed_run_leaves_the_published_one_and_the_next_is_as_if_nothing_had_happened(
    step: str, small_company: Installation, undisturbed: Installation, tmp_path: Path
):
    killed = small_company.copied_to(tmp_path / "killed")
    killed.change(LESS_DATA)
    before = killed.published()

    _kill_at(killed, step)
    assert killed.published() == before
    killed.pql("run")

    assert _content(killed) == _content(undisturbed)
    assert ("failed", "ended without a word") in killed.working("select status, reason from publishing.runs")


def _kill_at(installation: Installation, step: str) -> None:
    process = installation.start("run")
    assert process.stdout is not None
    for line in process.stdout:
        if step in line:
            break
    else:
        pytest.fail(f"the run ended before it said {step!r}")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    time.sleep(1)  # DuckDB's lock goes with the last process of the group


def _content(installation: Installation) -> dict[str, list[tuple]]:
    """The published rows without what names the run or its time."""
    volatile = (
        *("run_id", "scored_at", "band_entered_at", "changed_at", "detected_at", "trained_at", "previous_score"),
        *("since", "deciding_run", "assigned_at", "play_since", "due_at"),
    )
    content: dict[str, list[tuple]] = {}
    with duckdb.connect(str(installation.home / "published" / "pql.duckdb"), read_only=True) as connection:
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() order by all"
        ).fetchall():
            columns = [row[0] for row in connection.execute(f'describe "{schema}"."{name}"').fetchall()]
            kept = ", ".join(f'"{column}"' for column in columns if column not in volatile)
            if schema != "publishing" and name not in ("account_score_history", "models"):
                content[f"{schema}.{name}"] = connection.execute(
                    f'select {kept} from "{schema}"."{name}" order by all'
                ).fetchall()
    return content
