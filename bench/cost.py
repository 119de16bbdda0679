"""What a step cost: seconds on the clock and of the processor."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of processor time over all cores; other work on the machine distorts the first more."""

    clock: float
    processor: float

    def without(self, other: "Cost") -> "Cost":
        """What is left when the other is taken off."""
        return Cost(self.clock - other.clock, self.processor - other.processor)

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.clock:.2f} s ({self.processor:.2f} s of processor)"

    def of(self, other: "Cost") -> str:
        """This as a multiple of another, by the clock and by the processor."""
        return f"{self.clock / other.clock:.2f} ({self.processor / other.processor:.2f} in processor time)"
