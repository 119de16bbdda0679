import csv
from datetime import date, timedelta

import numpy as np
import pytest

from ml.dataset import Dataset, Feature
from ml.drift import (
    AUC,
    MISSING,
    PSI,
    SCORE,
    drift_table,
    in_words,
    measure_drift,
    measure_performance,
    overall,
    population_stability,
)
from ml.evaluate import sigmoid
from tests.integration.conftest import SHARED_DATA

HORIZON = 90
MONTHS = [date(2025, 1, 1) + timedelta(days=30 * k) for k in range(9)]
TODAY = date(2026, 2, 1)
FEATURES = 20


def columns(random, rows):
    """Counts, amounts, flags and shares, with values missing here and there."""
    X = random.normal(size=(rows, FEATURES))
    X[:, :8] = random.poisson(np.exp(random.normal(0, 1, (rows, 8))))
    X[:, 8:12] = random.random((rows, 4)) < 0.2
    X[:, 12:16][random.random((rows, 4)) < 0.15] = np.nan
    return X


def dataset(X, days, accounts=None):
    encoding = tuple(Feature(f"f{j:02d}__x", f"f{j:02d}", "x", "examples", 0) for j in range(X.shape[1]))
    ids = np.array([f"a{i}" for i in (range(len(X)) if accounts is None else accounts)], dtype=object)
    return Dataset(X, encoding, ids, np.array(days, dtype="datetime64[D]"), np.zeros(len(X)))


def learned(random, per_month=250):
    return dataset(columns(random, per_month * len(MONTHS)), np.repeat(np.array(MONTHS, "datetime64[D]"), per_month))


def today(X):
    return dataset(X, [TODAY] * len(X))


def margin(data):
    return np.nan_to_num(data.X) @ np.linspace(-0.5, 0.5, data.X.shape[1])


def measured(before, now):
    found = measure_drift(before, margin(before), now, margin(now), HORIZON)
    return {(drift.feature, drift.measure): drift for drift in found}


def test_psi_is_the_sum_over_the_bins_as_written_down():
    before, now = np.array([700.0, 200, 100]), np.array([500.0, 300, 200])
    p, q = (before + 0.5) / 1001.5, (now + 0.5) / 1001.5
    by_hand = sum((q[k] - p[k]) * np.log(q[k] / p[k]) for k in range(3))
    assert population_stability(before, now) == pytest.approx(by_hand)
    assert population_stability(before, 3 * before) == pytest.approx(0, abs=1e-5)


def test_M8_honest_samples_raise_an_alarm_about_as_often_as_nominal():
    """5 % of runs may warn, over 20 features and the score by two measures; 200 runs, so 2 to 20."""
    alarms = drifted = 0
    for trial in range(200):
        random = np.random.default_rng(trial)
        found = measured(learned(random), today(columns(random, 400)))
        alarms += any(drift.verdict != "ok" for drift in found.values())
        drifted += overall(list(found.values())) == "drifted"
    print(f"M8: {alarms} of 200 honest runs warn, {drifted} drift")
    assert 2 <= alarms <= 20
    assert drifted == 0


def test_M8_planted_shifts_are_caught_each_by_its_own_measure():
    caught = {"moved": 0, "scaled": 0, "flag": 0, "missing": 0}
    for trial in range(20):
        random = np.random.default_rng(500 + trial)
        X = columns(random, 400)
        X[:, 16] += 0.7  # of a standard deviation
        X[:, 17] *= 2
        X[:, 8] = random.random(len(X)) < 0.4  # from 0.2
        X[random.random(len(X)) < 0.1, 18] = np.nan  # never missing before
        found = measured(learned(random), today(X))
        caught["moved"] += found["f16__x", PSI].verdict == "drifted"
        caught["scaled"] += found["f17__x", PSI].verdict == "drifted"
        caught["flag"] += found["f08__x", PSI].verdict == "drifted"
        caught["missing"] += found["f18__x", MISSING].verdict == "drifted"
        assert found["f19__x", PSI].verdict == "ok"
    assert min(caught.values()) >= 18, caught


def test_dates_that_always_differ_warn_and_only_more_than_that_drifts():
    """Every month has a level of its own: beyond chance, and no news."""
    verdicts = []
    for step in (0.3, 3.0):
        random = np.random.default_rng(4)
        before = learned(random, 1000)
        shocks = np.repeat(random.normal(0, 0.3, len(MONTHS)), 1000)
        before.X[:, 16] += shocks
        X = columns(random, 1000)
        X[:, 16] += step
        verdicts.append(measured(before, today(X))["f16__x", PSI].verdict)
    assert verdicts == ["warn", "drifted"]


def test_a_history_too_short_to_know_what_is_usual_warns_at_most():
    random = np.random.default_rng(5)
    before = dataset(columns(random, 800), [MONTHS[0]] * 400 + [MONTHS[1]] * 400)
    X = columns(random, 400)
    X[:, 16] += 3
    drift = measured(before, today(X))["f16__x", PSI]
    assert np.isnan(drift.usual)
    assert drift.verdict == "warn"


def test_outcomes_that_came_since_say_when_the_score_no_longer_ranks():
    random = np.random.default_rng(6)
    margins = random.normal(-2, 1.5, 1500)
    accounts = np.array([f"a{i}" for i in range(1500)], dtype=object)
    as_promised = (random.random(1500) < sigmoid(margins)).astype(float)
    by_chance = (random.random(1500) < 0.15).astype(float)
    assert [d.verdict for d in measure_performance(margins, as_promised, accounts, 0.82, 0.78)] == ["ok"]
    fallen = measure_performance(margins, by_chance, accounts, 0.82, 0.78)
    assert [(d.feature, d.measure, d.verdict) for d in fallen] == [(SCORE, AUC, "drifted")]
    assert overall(fallen) == "drifted"
    assert "promised" in in_words(fallen)
    assert measure_performance(margins, np.zeros(1500), accounts, 0.82, 0.78) == ()


def test_nobody_to_compare_gives_no_rows_and_all_is_well():
    random = np.random.default_rng(7)
    found = measure_drift(learned(random), np.zeros(250 * 9), today(np.zeros((0, FEATURES))), np.zeros(0), HORIZON)
    assert found == ()
    assert overall(found) == "ok"
    assert drift_table("gb-1", found).num_rows == 0


def test_columns_without_any_value_or_with_one_alone_are_compared_too():
    random = np.random.default_rng(8)
    before, X = learned(random), columns(random, 400)
    before.X[:, 0], X[:, 0] = np.nan, np.nan
    before.X[:, 1], X[:, 1] = 7.0, 7.0
    before.X[:, 2], X[:, 2] = np.nan, 1.0  # came to be known
    found = measured(before, today(X))
    assert [found[f"f{j:02d}__x", PSI].verdict for j in (0, 1)] == ["ok", "ok"]
    assert found["f02__x", MISSING].verdict == "drifted"
    assert drift_table("gb-1", list(found.values())).num_rows == 2 * (FEATURES + 1)


def test_thinning_keeps_every_date():
    random = np.random.default_rng(9)
    thin = learned(random).thinned(90)
    assert len(thin.dates) == 90
    assert set(thin.dates.tolist()) == set(MONTHS)


def test_the_bank_s_later_campaigns_are_not_like_its_first():
    """Real contacts in the order of their dates; the base rate rose from 6 % to 31 % while the market changed."""
    path = SHARED_DATA / "bank_marketing" / "bank-additional" / "bank-additional-full.csv"
    if not path.exists():
        pytest.skip("real data bank_marketing is absent; set PQL_SHARED_DATA to the folder that holds it")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    names = ["age", "campaign", "previous", "emp.var.rate", "cons.price.idx", "cons.conf.idx", "euribor3m"]
    X = np.array([[float(row[name]) for name in names] for row in rows])
    blocks = np.array(
        [date(2008, 5, 1) + timedelta(days=30 * (9 * k // len(X))) for k in range(len(X))], "datetime64[D]"
    )
    first = blocks < blocks[len(X) // 2]
    before, now = dataset(X[first], blocks[first]), dataset(X[~first], blocks[~first])
    found = measure_drift(before, X[first, 6], now, X[~first, 6], 30)
    verdicts = {drift.feature: drift.verdict for drift in found if drift.measure == PSI}
    assert overall(found) != "ok"
    assert {verdicts[f"f{names.index(name):02d}__x"] for name in ("emp.var.rate", "euribor3m")} <= {"warn", "drifted"}
