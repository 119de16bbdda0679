"""docs/metrics.md says which metric answers which question: what it names is there, described and tested."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.configuration import ACCOUNT_MEASURES, PROJECT_SEEDS

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "metrics.md"


@dataclass(frozen=True)
class Entry:
    """One line of a table of the page."""

    question: str
    metrics: tuple[str, ...]
    models: tuple[str, ...]
    tests: tuple[str, ...]


def entries() -> list[Entry]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [
        Entry(
            question,
            tuple(re.findall(r"`(\w+)`", metrics)),
            tuple(models.split(", ")),
            tuple(re.findall(r"`(\w+)`", tests)),
        )
        for question, metrics, models, tests in cells
        if question != "what is asked" and not set(question) <= {"-", ":"}
    ]


@pytest.fixture(scope="module")
def described() -> dict[str, dict[str, str]]:
    """Each model's columns with their descriptions."""
    return {
        model["name"]: {column["name"]: column["description"] for column in model["columns"]}
        for page in _yaml_pages()
        for model in page.get("models", [])
    }


@pytest.fixture(scope="module")
def model_of_test() -> dict[str, str]:
    return {test["name"]: test["model"] for page in _yaml_pages() for test in page.get("unit_tests", [])}


def _yaml_pages() -> list[dict[str, Any]]:
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(PROJECT.glob("models/**/*.yml"))]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.question)
def test_what_the_page_names_is_there(
    entry: Entry, described: dict[str, dict[str, str]], model_of_test: dict[str, str]
):
    published = described["account_metrics"] | described["account_signal_metrics"]

    assert entry.metrics
    assert [metric for metric in entry.metrics if not published.get(metric)] == []
    assert [model for model in entry.models if model not in described] == []
    assert entry.tests
    assert [test for test in entry.tests if test not in model_of_test] == []


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.question)
def test_a_behaviour_is_tested_where_the_metric_is_made(entry: Entry, model_of_test: dict[str, str]):
    assert {model_of_test[test] for test in entry.tests} == set(entry.models)


def test_every_description_that_the_metrics_share_exists(described: dict[str, dict[str, str]]):
    texts = set(re.findall(r"{% docs (\w+) %}", (PROJECT / "models" / "_columns.md").read_text(encoding="utf-8")))
    named = {name for text in described["account_metrics"].values() for name in re.findall(r"doc\('(\w+)'\)", text)}

    assert len(named) > 30
    assert named - texts == set()


def test_a_metric_of_the_account_is_named_after_a_signal(described: dict[str, dict[str, str]]):
    with (PROJECT_SEEDS / "signals.csv").open(encoding="utf-8", newline="") as file:
        from_metrics = {row["signal"] for row in csv.DictReader(file) if row["measured_from"] == "account_metrics"}
    columns = [name for name in described["account_metrics"] if "__" in name]

    assert {column.split("__")[0] for column in columns} == from_metrics


def test_scoring_rules_may_use_every_metric_of_the_account_that_is_there(described: dict[str, dict[str, str]]):
    usable = {f"{signal}__{measure}" for signal, measures in ACCOUNT_MEASURES.items() for measure in measures}
    columns = {name for name in described["account_metrics"] if "__" in name}

    assert usable - columns == set()
    # Words; rules compare numbers, as logins__days_7d, trial__days_left and plan_limits__utilisation.
    assert columns - usable == {"logins__band_7d", "trial__stage", "plan_limits__nearest"}
