"""The interval of a rate, wherever one is shown."""

import numpy as np

Z_95 = 1.959963984540054  # of the normal distribution, two-sided


def wilson(rate: float, of: float, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval (1927, JASA 22:209) of a rate out of so many; NaN out of none."""
    if not of:
        return float("nan"), float("nan")
    centre = (rate + z**2 / (2 * of)) / (1 + z**2 / of)
    half = z * float(np.sqrt(rate * (1 - rate) / of + z**2 / (4 * of**2))) / (1 + z**2 / of)
    return centre - half, centre + half
