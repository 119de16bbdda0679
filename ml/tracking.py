"""Whether what a day brought is unlike what came before: fewer events than such a day brings, or more that are odd.

Days are looked at one by one, against history that ended a week before: so a change is reported for a week and is
history after that. P-values of one day are judged together (`surprising`): an unchanged stream is silent nearly always.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from scipy.stats import hypergeom  # pyright: ignore[reportMissingTypeStubs]

from ml.arrow import Bools, Floats, Integers

FALSE_ALARMS = 0.01  # the share of days on which an unchanged stream may be reported
LEAST_DAYS = 28  # of history: four of each weekday
WEEK = 7
POISSON_VARIANCE = 0.25  # of the square root of a count, about whatever its mean


def drop_p_value(history: Integers, gap: int, count: int) -> float:
    """How surprising so low a count is, given the counts of the days before; NaN where they are too few or all zero.

    The square roots of counts (Anscombe 1948, Biometrika 35:246) have a level per weekday and a straight trend, by
    least squares; the count is compared with what they foretell by Student's t, with the error of the prediction.
    Their spread is what was seen, and at least that of Poisson counts: of few events nothing can be said.

    Args:
        history: counts of days in a row, the oldest first.
        gap: how many days after the last of them the day to judge is; 1 is the next day.
        count: what that day brought.
    """
    days = len(history)
    if days < LEAST_DAYS or not history.any():
        return np.nan
    design = _weekdays_and_trend(np.arange(days), days)
    today = _weekdays_and_trend(np.array([days - 1 + gap]), days)[0]
    roots = np.sqrt(history + 0.375)
    level = _solved(design.T @ design, design.T @ roots)
    freedom = days - design.shape[1]
    variance = max(float(np.sum((roots - design @ level) ** 2)) / freedom, POISSON_VARIANCE)
    leverage = float(today @ _solved(design.T @ design, today))
    distance = (np.sqrt(count + 0.375) - float(today @ level)) / np.sqrt(variance * (1 + leverage))
    return float(stdtr(freedom, distance))  # pyright: ignore[reportUnknownArgumentType]


def increase_p_value(odd: int, of: int, odd_before: Integers, of_before: Integers) -> float:
    """How surprising so many odd ones are, given those of the days before; NaN where there were too few days.

    Fisher's exact test, one-sided. A share that some day of history with half as many senders or more reached is no
    surprise, however many there are: days differ by more than chance.

    Args:
        odd: how many of the day's senders are odd.
        of: how many senders the day had.
        odd_before: odd senders per day of history.
        of_before: senders per day of history; days without any say nothing.
    """
    had_any = of_before > 0
    if not of or int(had_any.sum()) < LEAST_DAYS // 2:
        return np.nan
    alike = had_any & (of_before * 2 >= of)
    if not odd or (alike.any() and odd / of <= float(np.max(odd_before[alike] / of_before[alike]))):
        return 1.0
    before, total = int(odd_before.sum()), int(of_before.sum())
    return float(hypergeom.sf(odd - 1, total + of, before + odd, of))  # pyright: ignore[reportUnknownMemberType]


def surprising(p_values: Sequence[float]) -> Bools:
    """Which p-values are too small for chance, all of a day taken together (Bonferroni): NaN is no test."""
    given = np.array(p_values, dtype=np.float64)
    return given * max(int((~np.isnan(given)).sum()), 1) < FALSE_ALARMS


def _solved(square: Floats, right: Floats) -> Floats:
    return np.asarray(np.linalg.solve(square, right), dtype=np.float64)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _weekdays_and_trend(day: Integers, days: int) -> Floats:
    weekdays = np.eye(WEEK)[day % WEEK]
    return np.column_stack([weekdays, (day - (days - 1) / 2) / days])
