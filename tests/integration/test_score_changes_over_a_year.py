"""Twelve simulated months, a run on the first of each: why every score moved, to the last part."""

import os
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.integration.conftest import Installation

FULL = os.environ.get("PQL_TEST_FULL") == "1"
MONTHS = [date(2025 + (7 + month) // 12, (7 + month) % 12 + 1, 1) for month in range(12)]  # August to July
CAUSES = {"behaviour", "decay", "late_data", "identity", "enrichment", "model"}
SCORES = "select account_id, score from scores.account_scores"
CHANGES = "select account_id, cause, points from scores.score_changes"


@pytest.mark.skipif(not FULL, reason="twelve whole runs; PQL_TEST_FULL=1")
def test_the_parts_of_every_change_of_a_year_sum_to_it_and_every_cause_is_there(
    raw_company: Path, tmp_path: Path, record_property
):
    company = Installation(tmp_path / "home")
    shutil.copytree(raw_company, company.home)
    causes: Counter[str] = Counter()
    changes, wrong, before = 0, [], dict[str, int]()
    for day in MONTHS:
        company.pql("run", "--as-of", day.isoformat())
        scores, parts = dict(company.working(SCORES)), company.working(CHANGES)
        causes.update(cause for _, cause, _ in parts)
        moved: Counter[str] = Counter()
        for account, _, points in parts:
            moved[account] += points
        # a score is rounded, and cut at 0 and 100
        inside = [name for name in scores if 0 < scores[name] < 100 and 0 < before.get(name, 0) < 100]
        changes += sum(scores[name] != before[name] for name in inside)
        wrong += [(day, name) for name in inside if abs(scores[name] - before[name] - moved[name]) > 1]
        before = scores
        print(day, f"{changes:,} changes so far; parts by cause: {dict(causes)}", flush=True)
    record_property("causes", dict(causes))
    assert wrong == []
    assert changes > 1_000
    assert set(causes) == CAUSES
