"""The data dictionary: docs/data-dictionary.md, written from what the YAML beside each model says."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestration.dbt import prepared_manifest

# In the order in which data moves (design section 2).
LAYERS = ("staging", "identity", "activity", "features", "scores", "activation", "reporting", "discovery")

HEADING = """\
# Data dictionary

Every table that dbt builds, by layer, in the order in which data moves. `make docs` writes this page from the YAML
beside each model; change it there.
"""


def write_dictionary(manifest: Path, target: Path) -> None:
    """Write the dictionary of a project.

    Args:
        manifest: dbt's manifest.json.
        target: the page to write; the same manifest always gives the same page.
    """
    target.write_text(dictionary_page(json.loads(manifest.read_text(encoding="utf-8"))), encoding="utf-8")


def dictionary_page(manifest: Mapping[str, Any]) -> str:
    """The page as Markdown: seeds first, then one section per layer, one table of columns per relation."""
    seeds = _nodes(manifest, "seed")
    models = _nodes(manifest, "model")
    sections = [HEADING, _section("config", "What RevOps edits, one CSV per decision, as `seeds/` holds it.", seeds)]
    for layer in LAYERS:
        sections.append(_section(layer, "", [model for model in models if model["fqn"][1] == layer]))
    return "\n".join(sections)


def _nodes(manifest: Mapping[str, Any], resource_type: str) -> list[Mapping[str, Any]]:
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] == resource_type]
    return sorted(nodes, key=lambda node: (node["schema"], node["alias"]))


def _section(layer: str, introduction: str, nodes: Sequence[Mapping[str, Any]]) -> str:
    parts = [f"## {layer}\n", *([f"{introduction}\n"] if introduction else [])]
    return "\n".join([*parts, *(_relation(node) for node in nodes)])


def _relation(node: Mapping[str, Any]) -> str:
    lines = [f"### {node['schema']}.{node['alias']}", ""]
    if node["description"]:
        lines += [_one_line(node["description"]), ""]
    if node["alias"] != node["name"]:
        lines += [f"Model `{node['name']}`.", ""]
    lines += ["| column | type | what it says |", "|---|---|---|"]
    lines += [
        f"| `{column['name']}` | {column['data_type'] or ''} | {_cell(column['description'])} |"
        for column in node["columns"].values()
    ]
    return "\n".join([*lines, ""])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


if __name__ == "__main__":
    write_dictionary(prepared_manifest(), Path(sys.argv[1]))
