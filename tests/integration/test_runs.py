"""A run publishes all of itself or nothing: repeated, and broken on purpose."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import LESS_DATA, Installation

FULL = os.environ.get("PQL_TEST_FULL") == "1"

# Each breaks one invariant of the ledger in the models themselves; the named data test must stop the run.
BROKEN = {
    "contributions_sum_to_the_margin": (
        "macros/contributions_by_signal.sql",
        '{{ exact_sum("contribution") }} as contribution',
        '1.0001 * {{ exact_sum("contribution") }} as contribution',
    ),
    "scores_use_only_known_words": (
        "models/scores/account_score_history.sql",
        "when milestones.has_milestone = 1 then 'activated'",
        "when milestones.has_milestone = 1 then 'lukewarm'",
    ),
    "summaries_name_only_signals_of_the_ledger": (
        "models/scores/account_score_history.sql",
        "        coalesce(up_3, '') as reasons_for,",
        "        'a lucky number' as reasons_for,",
    ),
    "a_sync_never_blanks_a_field": (
        "models/activation/sync_salesforce_accounts_by_run.sql",
        "scores.summary_short as pql_summary",
        "cast(null as varchar) as pql_summary",
    ),
    "probability_is_the_recorded_map": (
        "models/scores/account_score_history.sql",
        "        predictions.probability,\n",
        "        predictions.probability / 2 as probability,\n",
    ),
}


def test_a_second_run_without_new_data_changes_no_published_value(small_company: Installation, tmp_path: Path):
    again = small_company.copied_to(tmp_path / "home")
    before = again.published()

    output = again.pql("run")

    assert "Nothing changed" in output
    assert again.published() == before
    assert again.working("select status from publishing.runs order by started_at") == [("published",), ("unchanged",)]


def test_dbt_unit_tests_pass_on_a_built_warehouse(small_company: Installation, tmp_path: Path):
    built = small_company.copied_to(tmp_path / "home")
    output = built.dbt("test", "--select", "test_type:unit")

    assert re.search(r"Done. PASS=\d+ WARN=0 ERROR=0 SKIP=0", output)


def test_the_published_file_holds_only_what_consumers_read(small_company: Installation):
    schemas = {name.split(".")[0] for name in small_company.published()}

    assert schemas == {"identity", "features", "ml", "scores", "activation", "reporting", "publishing"}
    assert not any(name.endswith("_by_run") for name in small_company.published())


@pytest.mark.parametrize("test_name", BROKEN if FULL else list(BROKEN)[:1])
def test_O2_a_broken_invariant_blocks_publishing(
    test_name: str,
    small_company: Installation,
    broken_project: Callable[..., Path],
    tmp_path: Path,
):
    file, text, replacement = BROKEN[test_name]
    broken = small_company.copied_to(tmp_path / "home", project=broken_project({file: (text, replacement)}))
    # New data, so that the run has something to publish.
    broken.change(LESS_DATA)
    before, pointer = broken.published(), broken.working("select run_id from publishing.pointer")

    output = broken.pql("run", expect=1)

    assert "nothing of it is published" in output
    assert test_name in output
    assert broken.published() == before
    assert broken.working("select run_id from publishing.pointer") == pointer
    assert broken.working("select status from publishing.runs order by started_at desc limit 1") == [("failed",)]
    assert broken.working("select count(distinct run_id) from activation.sync_salesforce_accounts") == [(1,)]


def test_O2_a_failed_test_before_the_model_stops_the_python_assets(
    small_company: Installation, broken_project: Callable[..., Path], tmp_path: Path
):
    project = broken_project({})
    (project / "tests" / "dbt" / "always_fails.sql").write_text("select account_id from {{ ref('training_examples') }}")
    broken = small_company.copied_to(tmp_path / "home", project=project)
    before = broken.published()
    predictions = broken.working("select run_id, count(*) from ml.predictions group by run_id")

    output = broken.pql("run", expect=1)

    assert "always_fails" in output
    assert "learning from" not in output
    assert broken.working("select run_id, count(*) from ml.predictions group by run_id") == predictions
    assert broken.published() == before


def test_bad_configuration_is_refused_before_anything_runs(small_company: Installation, tmp_path: Path):
    config = tmp_path / "config"
    config.mkdir()
    for file in (small_company.project / "seeds").glob("*.csv"):
        (config / file.name).write_bytes(file.read_bytes())
    line = len((config / "signal_map.csv").read_text(encoding="utf-8").splitlines()) + 1
    with (config / "signal_map.csv").open("a", encoding="utf-8") as file:
        file.write("*,track,Party,,,,teammate_invitd,,\n")
    refused = small_company.copied_to(tmp_path / "home", config=config)

    output = refused.pql("run", expect=2)

    assert f"signal_map.csv:{line}: signal 'teammate_invitd' is unknown. Did you mean 'teammate_invited'?" in " ".join(
        output.split()
    )
    assert refused.working("select count(*) from publishing.runs") == [(1,)]
