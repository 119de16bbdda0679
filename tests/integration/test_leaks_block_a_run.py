"""A feature that knows the outcome stops a run before anything is trained: nothing of it is published."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import LESS_DATA, Installation

FULL = os.environ.get("PQL_TEST_FULL") == "1"

LEAK = {
    "macros/examples.sql": (
        "        metrics.*,\n",
        "        metrics.* replace (cast(case when labels.is_won then 0.9 end as double) as seats__utilisation),\n",
    )
}


@pytest.fixture(scope="module")
def leaking(
    small_company: Installation, broken_project: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    """The small company with new data, in a project whose seats in use are counted once the deal is won."""
    home = tmp_path_factory.mktemp("leaking") / "home"
    installation = small_company.copied_to(home, project=broken_project(LEAK))
    installation.change(LESS_DATA)
    return installation


def test_M3_a_leak_blocks_the_run_and_what_was_published_stays(leaking: Installation):
    before, pointer = leaking.published(), leaking.working("select run_id from publishing.pointer")
    models = leaking.working("select count(*) from ml.models")

    output = " ".join(leaking.pql("run", expect=1).split())

    assert "seats__utilisation knows the outcome: it is there for 100.0% of the won accounts and 0.00% of the" in output
    assert "set use_in_model of seats to false in signals.csv" in output
    assert "nothing of it is published" in output
    assert leaking.published() == before
    assert leaking.working("select run_id from publishing.pointer") == pointer
    assert leaking.working("select count(*) from ml.models") == models
    status, reason = leaking.working("select status, reason from publishing.runs order by started_at desc limit 1")[0]
    assert status == "failed"
    assert "seats__utilisation knows the outcome" in reason


@pytest.mark.skipif(not FULL, reason="a whole run; PQL_TEST_FULL=1")
def test_a_leak_that_somebody_accepts_does_not_block(leaking: Installation, tmp_path: Path):
    config = tmp_path / "config"
    shutil.copytree(leaking.project / "seeds", config)
    with (config / "accepted_leaks.csv").open("a", encoding="utf-8") as file:
        file.write("seats__utilisation,a trial of the gates\n")

    output = " ".join(Installation(leaking.home, leaking.project, config).pql("run").split())

    assert "accepted, a trial of the gates: seats__utilisation knows the outcome" in output
