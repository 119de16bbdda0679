"""The simulated year. Inside the simulator every time is an int64: microseconds since `START`, UTC."""

from typing import Final

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

START: Final = np.datetime64("2025-07-01", "us")
END: Final = np.datetime64("2026-07-01", "us")
PRODUCT_CHANGE: Final = np.datetime64("2026-01-01", "us")

MILLISECOND: Final = 1_000
SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY

LENGTH: Final = int((END - START).astype(np.int64))
DAYS: Final = LENGTH // DAY
WEEKS: Final = -(-DAYS // 7)  # 53: the last one has a single day
CHANGE_DAY: Final = int((PRODUCT_CHANGE - START).astype(np.int64)) // DAY
NEVER: Final = 2**45 - 1  # more than a year of microseconds; leaves 18 bits of an int64 for a row number beside it

AS_OF_DATES: Final = np.arange("2025-08", "2026-08", dtype="datetime64[M]").astype("datetime64[D]")
AS_OF_DAYS: Final[Integers] = (AS_OF_DATES - START.astype("datetime64[D]")).astype(np.int64)


def whole_milliseconds(times: npt.NDArray[np.generic]) -> Integers:
    """Round times down to the millisecond, the precision in which trackers send them."""
    return times.astype(np.int64) // MILLISECOND * MILLISECOND


def spread(random: np.random.Generator, low: float, high: float, size: int) -> Integers:
    """Draw `size` durations, uniform in [low, high) microseconds and rounded down to the millisecond."""
    return whole_milliseconds(random.uniform(low, high, size))
