"""From margin to a score of 0 to 100, fixed at training so that scores of different days compare."""

from dataclasses import dataclass

import numpy as np

from ml.arrow import Floats, Integers

# Of the median account and of the 99th percentile: room is left above, so that the best few still differ in score.
MEDIAN_SCORE, TOP_SCORE = 30.0, 80.0
SMALLEST_SPREAD = 1e-6
POINTS_WITHOUT_SPREAD = 10.0  # points per unit of margin when the reference accounts are all alike


@dataclass(frozen=True)
class ScoreScale:
    """score = offset + factor x margin, rounded and clipped; a contribution is worth factor x contribution points."""

    offset: float
    factor: float


def fit_scale(reference_margins: Floats) -> ScoreScale:
    """The scale on which the reference accounts' median is 30 and their 99th percentile 80."""
    median, top = (float(value) for value in np.quantile(reference_margins, [0.5, 0.99]))
    spread = top - median
    factor = (TOP_SCORE - MEDIAN_SCORE) / spread if spread > SMALLEST_SPREAD else POINTS_WITHOUT_SPREAD
    return ScoreScale(MEDIAN_SCORE - factor * median, factor)


def to_score(scale: ScoreScale, margins: Floats) -> Integers:
    """Integer scores; halves round up, as SQL's round does."""
    return np.clip(np.floor(scale.offset + scale.factor * margins + 0.5), 0, 100).astype(np.int64)
