"""Which as-of dates train, which calibrate, which test, so that no label window reaches into a later slice.

A label as of D covers [D, D + horizon). A model that trains on D may only be judged on dates from D + horizon on.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ml.arrow import Bools, Dates, Floats, Texts

MAX_FOLDS = 3
TEST_SHARE = 0.2  # of the rows, newest dates first; at least one date


class SplitTooShort(ValueError):  # noqa: N818 - the name says what is wrong
    """The mature history is too short for an embargo of one horizon."""


@dataclass(frozen=True)
class Fold:
    """As-of dates to train on, and later ones, one horizon away at least, to judge on."""

    name: str
    train: tuple[date, ...]
    test: tuple[date, ...]


@dataclass(frozen=True)
class Split:
    """`test` is the newest slice, and trains on everything the embargo allows; `folds` lie inside `test.train`.

    The folds choose the model's size and give the margins to calibrate on; the test slice chooses nothing.
    """

    folds: tuple[Fold, ...]
    test: Fold


def time_split(dates: Dates, horizon_days: int) -> Split:
    """Split by time with an embargo of one horizon between every training and test slice.

    Args:
        dates: the as-of date of each mature row (rows weigh in on where the slices begin).
        horizon_days: length of the label window.

    Raises:
        SplitTooShort: fewer than three dates one horizon apart.
    """
    days, counts = _count_by_date(dates)
    for first_test in _test_starts(days, counts):
        test = Fold("test", _before_embargo(days, days[first_test], horizon_days), tuple(days[first_test:]))
        folds = rolling_folds(test.train, counts[: len(test.train)], horizon_days)
        if folds:
            return Split(folds, test)
    raise SplitTooShort(_what_is_missing(days, horizon_days))


def rolling_folds(days: tuple[date, ...], counts: list[int], horizon_days: int) -> tuple[Fold, ...]:
    """Up to three folds over the second half of the rows in time order, each trained on what the embargo leaves.

    When no date of the second half has a training date one horizon before it, there is no fold.
    """
    half = sum(counts) / 2
    second_half = [day for i, day in enumerate(days) if sum(counts[: i + 1]) > half]
    judged = [day for day in second_half if _before_embargo(list(days), day, horizon_days)]
    edges = [round(len(judged) * part / MAX_FOLDS) for part in range(MAX_FOLDS + 1)]
    blocks = [judged[start:end] for start, end in pairwise(edges) if end > start]
    return tuple(
        Fold(f"fold_{number}", _before_embargo(list(days), block[0], horizon_days), tuple(block))
        for number, block in enumerate(blocks, start=1)
    )


def rows_of(dates: Dates, chosen: tuple[date, ...]) -> Bools:
    """Which rows have one of these as-of dates."""
    return np.isin(dates, np.array(chosen, dtype="datetime64[D]"))


def overlap(X: Floats, account_ids: Texts, dates: Dates, fold: Fold) -> tuple[float, float]:
    """Shares of a fold's judged rows with an exact twin among its training rows, and with an account that is there too.

    The embargo keeps the label windows of one account apart; what is left is reported, since rows that are known
    already are easier to judge.
    """
    fit, judged = rows_of(dates, fold.train), rows_of(dates, fold.test)
    prints = _fingerprints(X)
    twins = np.isin(prints[judged], prints[fit])
    _, account = np.unique(account_ids.astype(str), return_inverse=True)
    return float(twins.mean()), float(np.isin(account[judged], account[fit]).mean())


def _fingerprints(X: Floats) -> npt.NDArray[np.uint64]:
    """64 bits per row: equal rows have equal ones, others the same once in 10^19 pairs."""
    found = np.zeros(len(X), dtype=np.uint64)
    for column in np.where(np.isnan(X), np.nan, X + 0.0).T:
        found = (found ^ np.ascontiguousarray(column).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return found


def _count_by_date(dates: Dates) -> tuple[list[date], list[int]]:
    unique, counts = np.unique(dates.astype("datetime64[D]"), return_counts=True)
    return list(unique.tolist()), list(counts.tolist())


def _test_starts(days: list[date], counts: list[int]) -> range:
    """First dates of a test slice to try: a fifth of the rows, then fewer, down to the newest date alone."""
    start = len(days) - 1
    while start > 0 and sum(counts[start - 1 :]) <= TEST_SHARE * sum(counts):
        start -= 1
    return range(start, len(days)) if days else range(0)


def _before_embargo(days: list[date], first_later: date, horizon_days: int) -> tuple[date, ...]:
    return tuple(day for day in days if day + timedelta(days=horizon_days) <= first_later)


def _what_is_missing(days: list[date], horizon_days: int) -> str:
    there = f"{len(days)} mature as-of dates" + (f" from {days[0]} to {days[-1]}" if days else "")
    return (
        f"{there}; training, calibration and test need three, each {horizon_days} days after the one before, "
        f"so {2 * horizon_days} days of mature history"
    )
