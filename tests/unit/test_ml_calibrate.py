from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from venn_abers import VennAbers

from ml.calibrate import NotMonotone, apply_calibration, calibration_hash, check_map, fit_calibration


def sample(rows=60, seed=0):
    random = np.random.default_rng(seed)
    margins = random.normal(size=rows).round(1)
    return margins, (random.random(rows) < 1 / (1 + np.exp(-2 * margins))).astype(float)


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
    found = apply_calibration(fit_calibration(margins, labels), np.array([doubled / 2]))
    assert found.probability_low[0] == pytest.approx(by_definition(margins, labels, doubled / 2, 0), abs=1e-12)
    assert found.probability_high[0] == pytest.approx(by_definition(margins, labels, doubled / 2, 1), abs=1e-12)


def test_the_probability_is_the_librarys():
    margins, labels = sample(400)
    asked = np.sort(np.random.default_rng(9).normal(size=300))
    library = VennAbers()
    library.fit(np.column_stack([-margins, margins]), labels)
    expected, _ = library.predict_proba(np.column_stack([-asked, asked]))
    assert np.allclose(apply_calibration(fit_calibration(margins, labels), asked).probability, expected[:, 1])


@pytest.mark.parametrize("seed", range(5))
def test_nothing_falls_as_the_margin_rises(seed):
    steps = fit_calibration(*sample(500, seed))
    assert check_map(steps) is steps
    assert (steps.probability_low <= steps.probability_high).all()
    assert steps.margin_from[0] == -np.inf
    assert len(steps.margin_from) < 200


def test_margins_a_float_apart_are_two_steps():
    margins = np.array([1.0, np.nextafter(1.0, 2), 2.0, 3.0])
    check_map(fit_calibration(margins, np.array([0.0, 1.0, 0.0, 1.0])))


def test_constant_margins_give_one_rate_with_an_interval_around_it():
    found = apply_calibration(fit_calibration(np.zeros(20), np.array([1.0] * 5 + [0.0] * 15)), np.array([0.0]))
    assert found.probability_low[0] == pytest.approx(5 / 21)
    assert found.probability_high[0] == pytest.approx(6 / 21)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="both won and not won"):
        fit_calibration(np.array([1.0, 2.0]), np.array([0.0, 0.0]))


def test_a_map_that_falls_is_refused():
    steps = fit_calibration(*sample())
    with pytest.raises(NotMonotone):
        check_map(replace(steps, probability=steps.probability[::-1].copy()))
    with pytest.raises(NotMonotone):
        check_map(replace(steps, margin_from=np.sort(steps.margin_from)[::-1].copy()))


def test_every_number_is_in_the_hash():
    steps = fit_calibration(*sample())
    for name in ("margin_from", "probability", "probability_low", "probability_high"):
        changed = getattr(steps, name).copy()
        changed[-1] = np.nextafter(changed[-1], 9)
        assert calibration_hash(replace(steps, **{name: changed})) != calibration_hash(steps)
