"""The shipped configuration with some texts replaced, valid as `pql run` would find it, as tables of a connection."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from orchestration.configuration import PROJECT_SEEDS, find_problems


def edited_seeds(folder: Path, edits: Iterable[tuple[str, str, str]]) -> Path:
    """A copy of the shipped files in `folder`, made anew; each edit is a file's name, a text of it and another text."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(PROJECT_SEEDS, folder)
    for name, text, replacement in edits:
        path = folder / f"{name}.csv"
        content = path.read_text(encoding="utf-8")
        assert text in content
        path.write_text(content.replace(text, replacement, 1), encoding="utf-8")
    assert list(find_problems(folder)) == []
    return folder


def load_seeds(connection: duckdb.DuckDBPyConnection, folder: Path, seeds: Mapping[str, str]) -> None:
    """A table for each of these files; `seeds` gives the types of columns that their text does not tell."""
    for name, types in seeds.items():
        path = folder / f"{name}.csv"
        connection.execute(f"create table {name} as from read_csv('{path}', header = true, types = {types})")
