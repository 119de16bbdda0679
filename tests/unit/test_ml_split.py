from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.split import Fold, Split, SplitTooShort, overlap, rows_of, time_split

START = date(2025, 1, 1)


def as_dates(offsets):
    return np.array([START + timedelta(days=offset) for offset in offsets], dtype="datetime64[D]")


@given(st.lists(st.integers(0, 500), max_size=60), st.integers(1, 120))
def test_no_label_window_reaches_a_later_slice(offsets, horizon):
    try:
        split = time_split(as_dates(offsets), horizon)
    except SplitTooShort:
        return
    for fold in (*split.folds, split.test):
        assert fold.train
        assert fold.test
        assert max(fold.train) + timedelta(days=horizon) <= min(fold.test)
    for fold in split.folds:  # what chooses and calibrates is known before the first date that judges
        assert max(fold.test) + timedelta(days=horizon) <= min(split.test.test)
    judged = [day for fold in split.folds for day in fold.test]
    assert len(judged) == len(set(judged))


@given(st.lists(st.integers(0, 300), max_size=30), st.integers(1, 120))
def test_it_gives_up_only_when_three_dates_one_horizon_apart_do_not_exist(offsets, horizon):
    days = sorted(set(offsets))
    later = [b for b in days if any(a + horizon <= b for a in days)]
    possible = bool(days) and any(b + horizon <= days[-1] for b in later)
    try:
        split: Split | None = time_split(as_dates(offsets), horizon)
    except SplitTooShort:
        split = None
    assert (split is not None) == possible


def test_nine_months_and_ninety_days_leave_three_folds_and_the_newest_month():
    months = [date(2025, month, 1) for month in range(8, 13)] + [date(2026, month, 1) for month in range(1, 5)]
    split = time_split(np.array(months, dtype="datetime64[D]"), 90)
    assert split.test.test == (date(2026, 4, 1),)
    assert split.test.train[-1] == date(2026, 1, 1)
    assert [fold.test for fold in split.folds] == [(date(2025, 11, 1),), (date(2025, 12, 1),), (date(2026, 1, 1),)]


def test_the_newest_slice_is_about_a_fifth_of_the_rows():
    split = time_split(as_dates(range(0, 700, 7)), 30)
    assert len(split.test.test) == 20


def test_a_short_history_says_what_is_there_and_what_is_needed():
    with pytest.raises(SplitTooShort, match=r"2 mature as-of dates from 2025-01-01 to 2025-02-01; .* 180 days"):
        time_split(as_dates([0, 31]), 90)


def test_rows_of_picks_by_date():
    assert rows_of(as_dates([0, 1, 0]), (START,)).tolist() == [True, False, True]


def test_twins_and_known_accounts_across_a_split_are_counted():
    X = np.array([[1.0, np.nan], [2.0, 0.0], [1.0, np.nan], [2.0, -0.0], [3.0, 0.0], [1.0, 0.0]])
    accounts = np.array(["a", "b", "a", "c", "d", "b"], dtype=object)
    fold = Fold("test", (START,), (START + timedelta(days=90),))
    assert overlap(X, accounts, as_dates([0, 0, 90, 90, 90, 90]), fold) == (0.5, 0.5)
