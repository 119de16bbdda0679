"""What the backtest says of the intervals, on companies simulated anew: nine of ten groups of accounts lie inside."""

import os
from dataclasses import replace
from unittest.mock import patch

import numpy as np
from simulated_year import simulated_year
from test_ml_simulated_company import RULES, TRAINED_AT

from ml.calibrate import NOMINAL
from ml.train import train

FULL = bool(os.environ.get("PQL_TEST_FULL"))
COMPANIES = range(10, 20) if FULL else range(10, 11)
HORIZON = 90


def test_the_recorded_coverage_is_near_nominal_over_companies(record_property):
    """Outcomes are drawn from the true probabilities. One company has about a dozen groups, ten have 120."""
    covered, groups, widths = [], [], []
    for seed in COMPANIES:
        year = simulated_year(2_000, seed, HORIZON)
        drawn = (np.random.default_rng(seed).random(len(year.probabilities)) < year.probabilities).astype(np.float64)
        dataset = replace(year.dataset, labels=np.where(np.isnan(year.dataset.labels), np.nan, drawn))
        with patch("ml.boosting.MAX_ROUNDS", 60):
            model = train(dataset, RULES, HORIZON, TRAINED_AT)
        found = {(row.slice, row.metric): row.value for row in model.backtests if row.model_name == model.record.rung}
        slices = [name for name, metric in found if metric == "interval_coverage"]
        assert slices[:1] == ["test"]
        assert sorted(slices[1:]) == ["fold_2", "fold_3"]
        covered += [found[name, "interval_coverage"] for name in slices]
        groups += [found[name, "interval_groups"] for name in slices]
        widths += [found[name, "interval_width"] for name in slices]
    coverage = float(np.average(covered, weights=groups))
    print(f"coverage of {sum(groups):.0f} groups of {len(COMPANIES)} companies: {coverage:.3f}, nominal {NOMINAL}")
    record_property("interval_coverage", coverage)
    assert sum(groups) >= 8 * len(COMPANIES)
    assert 0 < np.mean(widths) < 0.2  # the interval of everything would cover everybody
    assert abs(coverage - NOMINAL) <= (0.03 if FULL else 0.2)
