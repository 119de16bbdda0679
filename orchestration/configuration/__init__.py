"""The configuration that users edit as CSV files: what may stand in them, and what is wrong with what does."""

from orchestration.configuration.columns import Column, one_of, text
from orchestration.configuration.files import (
    ACCOUNT_MEASURES,
    FILES,
    LONGEST_CHAIN,
    MODEL_MEASURES,
    PROJECT_SEEDS,
    ROLES,
)
from orchestration.configuration.problems import BadConfiguration, Problem, Row
from orchestration.configuration.reading import (
    configuration_folder,
    find_problems,
    read_rows,
    require_valid,
    rows_with_lines,
)

__all__ = [
    "ACCOUNT_MEASURES",
    "FILES",
    "LONGEST_CHAIN",
    "MODEL_MEASURES",
    "PROJECT_SEEDS",
    "ROLES",
    "BadConfiguration",
    "Column",
    "Problem",
    "Row",
    "configuration_folder",
    "find_problems",
    "one_of",
    "read_rows",
    "require_valid",
    "rows_with_lines",
    "text",
]
