"""What holds for the project as a whole, whatever it does."""

import json
import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_S9_every_dependency_is_hashed_and_no_host_is_named(name: str):
    text = (PROJECT / name).read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"\n(?=[a-z0-9])", text) if block.strip()]

    assert len(blocks) > 50
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text


def test_S9_every_package_of_the_sdks_for_node_is_hashed_and_no_address_is_named():
    text = (PROJECT / "tests" / "receiver" / "node_sdks" / "package-lock.json").read_text(encoding="utf-8")
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}

    assert len(packages) > 50
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []
    assert "://" not in text


def test_the_core_lock_is_a_part_of_the_development_lock():
    core, development = (
        set(re.findall(r"^[a-z0-9][^ ;]*==[^ ;\\]+", (PROJECT / name).read_text(), re.M)) for name in LOCKS
    )

    assert core <= development


def test_no_seed_or_mapping_names_a_path_of_a_machine():
    for path in [*PROJECT.glob("seeds/*.csv"), *PROJECT.glob("tests/integration/*/mapping.yml")]:
        assert not re.search(r"(^|[\s\"'=(:])/(home|root|tmp|work|Users)/", path.read_text(encoding="utf-8")), path


def test_telemetry_is_off():
    assert "send_anonymous_usage_stats: false" in (PROJECT / "dbt_project.yml").read_text(encoding="utf-8")
    assert "telemetry:\n  enabled: false" in (PROJECT / "orchestration" / "dagster.yaml").read_text(encoding="utf-8")


def test_every_package_is_installed_with_the_project():
    packages = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]

    folders = [path.parent.relative_to(PROJECT) for path in PROJECT.glob("[a-z]*/**/__init__.py")]
    assert set(packages) == {".".join(folder.parts) for folder in folders if folder.parts[0] != "tests"}
