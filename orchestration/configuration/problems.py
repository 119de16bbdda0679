"""What is said of a configuration that cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass

Row = Mapping[str, str]


@dataclass(frozen=True)
class Problem:
    """One thing wrong in one file: where, what, and how to mend it."""

    file: str
    line: int
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}. {self.fix}"


class BadConfiguration(ValueError):  # noqa: N818 - the name says what is wrong
    """The configuration has problems; the message lists them all."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
