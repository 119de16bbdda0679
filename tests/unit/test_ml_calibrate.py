import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from venn_abers import VennAbers

from ml.calibrate import (
    METHODS,
    NOMINAL,
    NotMonotone,
    apply_calibration,
    calibration_hash,
    check_map,
    fit_calibration,
    platt,
    venn_abers_map,
)
from ml.evaluate import interval_coverage, shifted_to_base_rate, sigmoid

FULL = os.environ.get("PQL_TEST_FULL") == "1"


def sample(rows=60, seed=0):
    random = np.random.default_rng(seed)
    margins = random.normal(size=rows).round(1)
    return margins, (random.random(rows) < 1 / (1 + np.exp(-2 * margins))).astype(float)


def alone(margins):
    """Every row an account of its own."""
    return np.array([f"a{i}" for i in range(len(margins))], dtype=object)


def fitted(margins, labels, method="venn_abers"):
    return fit_calibration(margins, labels, alone(margins), method)


def by_definition(margins, labels, margin, label):
    """The isotonic estimate at a margin once it joined the calibration rows with this label."""
    fitted = IsotonicRegression().fit(np.append(margins, margin), np.append(labels, label))
    return fitted.predict([margin])[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-6, 6), st.booleans()), min_size=2, max_size=30), st.integers(-15, 15))
def test_the_map_is_venn_abers_by_its_definition(rows, doubled):
    margins, labels = np.array([m for m, _ in rows], dtype=float), np.array([float(won) for _, won in rows])
    if len(set(labels)) < 2:
        return
    found = apply_calibration(venn_abers_map(margins, labels), np.array([doubled / 2]))
    assert found.probability_low[0] == pytest.approx(by_definition(margins, labels, doubled / 2, 0), abs=1e-12)
    assert found.probability_high[0] == pytest.approx(by_definition(margins, labels, doubled / 2, 1), abs=1e-12)


def test_the_probability_is_the_librarys():
    margins, labels = sample(400)
    asked = np.sort(np.random.default_rng(9).normal(size=300))
    library = VennAbers()
    library.fit(np.column_stack([-margins, margins]), labels)
    expected, _ = library.predict_proba(np.column_stack([-asked, asked]))
    assert np.allclose(apply_calibration(venn_abers_map(margins, labels), asked).probability, expected[:, 1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(3))
def test_nothing_falls_as_the_margin_rises(seed, method):
    steps = fitted(*sample(500, seed), method)
    assert check_map(steps) is steps
    assert (steps.probability_low <= steps.probability_high).all()
    assert steps.margin_from[0] == -np.inf
    assert len(steps.margin_from) < 1_500


@pytest.mark.parametrize("method", METHODS)
def test_margins_a_float_apart_are_two_steps(method):
    margins = np.array([1.0, np.nextafter(1.0, 2), 2.0, 3.0])
    check_map(fitted(margins, np.array([0.0, 1.0, 0.0, 1.0]), method))


def test_constant_margins_give_one_rate_with_an_interval_around_it():
    found = apply_calibration(venn_abers_map(np.zeros(20), np.array([1.0] * 5 + [0.0] * 15)), np.array([0.0]))
    assert found.probability_low[0] == pytest.approx(5 / 21)
    assert found.probability_high[0] == pytest.approx(6 / 21)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="both won and not won"):
        fitted(np.array([1.0, 2.0]), np.array([0.0, 0.0]))


def test_a_map_that_falls_is_refused():
    steps = fitted(*sample())
    with pytest.raises(NotMonotone):
        check_map(replace(steps, probability=steps.probability[::-1].copy()))
    with pytest.raises(NotMonotone):
        check_map(replace(steps, margin_from=np.sort(steps.margin_from)[::-1].copy()))


def test_every_number_is_in_the_hash():
    steps = fitted(*sample())
    for name in ("margin_from", "probability", "probability_low", "probability_high"):
        changed = getattr(steps, name).copy()
        changed[-1] = np.nextafter(changed[-1], 9)
        assert calibration_hash(replace(steps, **{name: changed})) != calibration_hash(steps)


def test_the_map_follows_a_smooth_curve_inside_its_interval():
    margins, labels = sample(3000)
    margins = margins + np.random.default_rng(1).normal(0, 0.01, 3000)
    at = np.linspace(-2, 2, 400)
    slope, shift = platt(margins, labels)
    for method, curve in (
        ("platt", sigmoid(slope * at + shift)),
        ("intercept_shift", sigmoid(at + (shifted_to_base_rate(margins, labels) - margins)[0])),
    ):
        found = apply_calibration(fitted(margins, labels, method), at)
        inside = np.clip(curve, found.probability_low, found.probability_high)
        assert np.abs(found.probability - inside).max() < 0.005


def test_platt_finds_the_slope_and_shift_that_were_planted_and_never_a_falling_one():
    random = np.random.default_rng(0)
    margins = random.normal(-1, 1.5, 40_000)
    labels = (random.random(40_000) < sigmoid(0.6 * margins - 0.5)).astype(float)
    assert platt(margins, labels) == pytest.approx((0.6, -0.5), abs=0.04)
    slope, shift = platt(-margins, labels)
    assert slope == 0
    assert sigmoid(np.array([shift]))[0] == pytest.approx(labels.mean(), abs=0.001)


def test_rows_of_few_accounts_widen_the_interval():
    margins, labels = sample(600)
    together = np.repeat(alone(margins[:60]), 10)
    apart = apply_calibration(fitted(margins, labels), margins)
    repeated = np.repeat(margins[:60], 10), np.repeat(labels[:60], 10)
    clustered = apply_calibration(fit_calibration(*repeated, together, "venn_abers"), repeated[0])
    width = (apart.probability_high - apart.probability_low).mean()
    assert (clustered.probability_high - clustered.probability_low).mean() > 1.5 * width


def test_nine_of_ten_true_rates_lie_in_their_interval_and_hardly_any_in_bare_venn_abers(record_property):
    """The true rate of an account with a margin is known here; a company of 1,500 rows, thirty times."""
    random = np.random.default_rng(1)
    covered, bare, groups = [], [], []
    for _ in range(60 if FULL else 20):
        margins, later = random.normal(-3.0, 1.2, (2, 1500))
        true, labels = sigmoid(1.2 * later + 0.3), (random.random(1500) < sigmoid(1.2 * margins + 0.3)).astype(float)
        found = apply_calibration(fitted(margins, labels, "platt"), later)
        covered.append(((found.probability_low <= true) & (true <= found.probability_high)).mean())
        narrow = apply_calibration(venn_abers_map(margins, labels), later)
        bare.append(((narrow.probability_low <= true) & (true <= narrow.probability_high)).mean())
        outcomes = (random.random(1500) < true).astype(float)
        groups.append(
            interval_coverage(found.probability, found.probability_low, found.probability_high, outcomes, NOMINAL)
        )
    for name, value in (("accounts", covered), ("bare Venn-Abers", bare), ("groups", groups)):
        print(f"coverage of {name}: {np.mean(value):.3f}, nominal {NOMINAL}")
        record_property(f"coverage_{name}", float(np.mean(value)))
    assert abs(np.mean(covered) - NOMINAL) <= 0.03
    assert np.mean(bare) < 0.6
