"""Ranges of numbers as seeds write them: `from` a value on, `below` another; a blank is no bound."""

import numpy as np

from ml.arrow import Bools, Floats


def bound(value: object) -> float | None:
    """A bound of a seed's row; None where there is none."""
    return None if value is None or value == "" else float(str(value))


def within(values: Floats, at_least: float | None, below: float | None) -> Bools:
    """Which values are in the range; none that is missing."""
    inside = ~np.isnan(values)
    if at_least is not None:
        inside &= values >= at_least
    if below is not None:
        inside &= values < below
    return inside
