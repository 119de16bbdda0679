"""The truth of the simulator is for tests and reports: a model that read it would be right for the wrong reason."""

import re

import pytest

READS_TRUTH = re.compile(r"""\btruth["'\]]*\s*\.|["']truth["']""", re.IGNORECASE)


def test_no_model_depends_on_the_schema_truth(manifest: dict) -> None:
    truth = {
        name for name, node in (manifest["sources"] | manifest["nodes"]).items() if node["schema"].lower() == "truth"
    }
    dependents = {
        name: sorted(set(node["depends_on"]["nodes"]) & truth)
        for name, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "snapshot", "seed", "test")
        and set(node.get("depends_on", {}).get("nodes", [])) & truth
    }
    assert not truth
    assert not dependents


def test_no_sql_of_the_project_names_the_schema_truth(manifest: dict) -> None:
    texts = {name: node.get("raw_code") or "" for name, node in manifest["nodes"].items()}
    texts |= {
        name: macro["macro_sql"] for name, macro in manifest["macros"].items() if macro["package_name"] == "pql_scoring"
    }
    assert sum(name.startswith("model.") for name in texts) > 50
    assert [name for name, text in texts.items() if READS_TRUTH.search(text)] == []


@pytest.mark.parametrize(
    "text", ["from truth.people", 'from "truth"."people"', "from pql.truth.accounts", 'source("truth", "people")']
)
def test_the_pattern_sees_every_way_to_name_it(text: str) -> None:
    assert READS_TRUTH.search(text)
