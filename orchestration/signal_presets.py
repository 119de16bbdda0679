"""Signals to begin with, by type of product: the shipped configuration, with a few files of its own for each type."""

import csv
import shutil
from pathlib import Path

from orchestration.configuration import PROJECT_SEEDS, BadConfiguration, find_problems

PRESETS = PROJECT_SEEDS.parent / "presets"
# What `seeds/` ships is an analytics product; every other type has a folder of what differs.
SHIPPED = "analytics"
SHARED = "account_metrics"


class UnknownPreset(LookupError):  # noqa: N818 - the name says what is wrong
    """There is no preset of that name; the message lists those that there are."""


class FolderNotEmpty(RuntimeError):  # noqa: N818 - the name says what is wrong
    """The folder to write to holds something already."""


def preset_names() -> list[str]:
    """The types of product that have a preset."""
    return sorted([SHIPPED, *(folder.name for folder in PRESETS.iterdir() if folder.is_dir())])


def write_preset(name: str, into: Path) -> None:
    """Write a whole configuration for a type of product: what it shares with all types, and what is its own.

    Its signals.csv holds signals of events and sequences; those that are metrics of an account are the same for every
    product and come from `seeds/`.

    Raises:
        UnknownPreset: no type is called so.
        FolderNotEmpty: there is something in the folder already.
        BadConfiguration: the preset does not fit the files that it shares; the folder stays for looking at.
    """
    if name not in preset_names():
        raise UnknownPreset(f"no preset '{name}'; there are {', '.join(preset_names())}")
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise FolderNotEmpty(f"{into} is not empty; name a new folder")
    shutil.copytree(PROJECT_SEEDS, into, dirs_exist_ok=True)
    if name != SHIPPED:
        for file in (PRESETS / name).glob("*.csv"):
            shutil.copyfile(file, into / file.name)
        _share_account_metrics(into / "signals.csv")
    if problems := list(find_problems(into)):
        raise BadConfiguration(problems)


def _share_account_metrics(path: Path) -> None:
    with (PROJECT_SEEDS / "signals.csv").open(encoding="utf-8", newline="") as shipped:
        reader = csv.DictReader(shipped)
        rows = [row for row in reader if row["measured_from"] == SHARED]
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, reader.fieldnames or [], lineterminator="\n").writerows(rows)
