import json
from pathlib import Path

import pytest

from orchestration.dbt import prepared_manifest
from orchestration.dictionary import dictionary_page, write_dictionary

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def manifest_path(tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PQL_HOME", str(tmp_path_factory.mktemp("home")))
        environment.delenv("PQL_CONFIG", raising=False)
        environment.chdir(PROJECT)
        yield prepared_manifest()


@pytest.fixture(scope="module")
def manifest(manifest_path):
    return json.loads(manifest_path.read_text(encoding="utf-8"))


def test_the_committed_page_is_up_to_date(manifest_path, tmp_path):
    page = tmp_path / "data-dictionary.md"
    write_dictionary(manifest_path, page)
    committed = PROJECT / "docs" / "data-dictionary.md"
    assert page.read_text(encoding="utf-8") == committed.read_text(encoding="utf-8"), "run `make docs`"


def test_every_model_and_seed_is_on_the_page_with_all_its_columns_described(manifest):
    page = dictionary_page(manifest)
    for node in manifest["nodes"].values():
        if node["resource_type"] in ("model", "seed"):
            assert f"### {node['schema']}.{node['alias']}\n" in page
            assert node["description"], node["name"]
            for column in node["columns"].values():
                assert column["description"], f"{node['name']}.{column['name']}"
                assert column["data_type"], f"{node['name']}.{column['name']}"


def test_no_model_reads_the_truth(manifest):
    for node in [*manifest["nodes"].values(), *manifest["sources"].values()]:
        if node["resource_type"] in ("model", "source"):
            assert "truth." not in node.get("raw_code", ""), node["name"]
            assert node["schema"] != "truth", node["name"]


def test_a_bar_in_a_description_does_not_end_its_cell():
    node = {
        "resource_type": "model",
        "name": "one",
        "alias": "one",
        "schema": "scores",
        "fqn": ["pql_scoring", "scores", "one"],
        "description": "One.",
        "columns": {"a": {"name": "a", "data_type": "varchar", "description": "b | c\nd"}},
    }
    assert "| `a` | varchar | b \\| c d |" in dictionary_page({"nodes": {"model.one": node}})
