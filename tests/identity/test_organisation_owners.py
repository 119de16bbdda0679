"""The materialization first_come_owners against claims taken one after the other (Kruskal, union-find)."""

import os
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).parent / "owners_project"
GRAPHS = 200
SEED = 20_261_125

Row = tuple[str, str, str, int | None]


def random_claims(prefix: str, seed: int) -> list[Row]:
    """Claims of one graph, in no order: sparse or dense, with few owners or many."""
    generator = random.Random(seed)  # noqa: S311 - a test's dice
    nodes = [f"{prefix}|{number}" for number in range(generator.choice((2, 5, 20, 100, 400)))]
    owners = [node for node in nodes if generator.random() < generator.choice((0.02, 0.1, 0.5))]
    claims = [generator.sample(nodes, 2) for _ in range(int(len(nodes) * generator.choice((0.5, 1, 3))))]
    return shuffled(claims, owners, generator)


def shaped_claims() -> dict[str, list[Row]]:
    """A path whose owner is at its end, in the order that is worst for it; a hub that many owners claim; owners."""
    length = 3_000
    path = [[f"path|{number}", f"path|{number + 1}"] for number in range(length)]
    backwards = [("claim", left, right, length - position) for position, (left, right) in enumerate(path)]
    hub = [("claim", "hub|centre", f"hub|{number}", number) for number in range(2_000)]
    return {
        "path": [*backwards, ("owner", "path|0", "path|0", None)],
        "hub": [*hub, *(("owner", f"hub|{number}", f"hub|{number}", None) for number in range(1_000, 2_000))],
        "owners": [
            ("claim", "only|a", "only|b", 1),
            *(("owner", f"only|{name}", f"only|{name}", None) for name in "ab"),
        ],
    }


def shuffled(claims: list[list[str]], owners: list[str], generator: random.Random) -> list[Row]:
    ranks = generator.sample(range(len(claims) * 2), len(claims))
    rows: list[Row] = [("claim", left, right, rank) for (left, right), rank in zip(claims, ranks, strict=True)]
    return [*rows, *(("owner", owner, owner, None) for owner in owners)]


def owners_in_order(rows: Iterable[Row]) -> tuple[dict[str, str], set[int]]:
    """Owner by node, and the ranks of the refused claims, by taking one claim after the other."""
    group: dict[str, list[str]] = {}
    owner: dict[str, str] = {}
    refused: set[int] = set()
    for kind, left, right, _ in rows:
        for node in (left, right):
            group.setdefault(node, [node])
        if kind == "owner":
            owner[left] = left
    for _, left, right, rank in sorted((row for row in rows if row[0] == "claim"), key=lambda row: row[3] or 0):
        if group[left] is group[right]:
            continue
        if left in owner and right in owner:
            refused.add(rank or 0)
            continue
        joined = group[left] + group[right]
        name = owner.get(left, owner.get(right))
        for node in joined:
            group[node] = joined
            if name is not None:
                owner[node] = name
    return owner, refused


@pytest.fixture(scope="module")
def graphs() -> dict[str, list[Row]]:
    return {
        f"{number:03d}": random_claims(f"{number:03d}", SEED + number) for number in range(GRAPHS)
    } | shaped_claims()


def with_ranks_of_their_own(graphs: dict[str, list[Row]]) -> list[Row]:
    """All graphs in one table: ranks are unique over the whole, and keep their order within each graph."""
    spread = len(graphs)
    return [
        (kind, left, right, None if rank is None else rank * spread + position)
        for position, rows in enumerate(graphs.values())
        for kind, left, right, rank in rows
    ]


def run(home: Path, rows: list[Row]) -> subprocess.CompletedProcess[str]:
    with duckdb.connect(str(home / "owners.duckdb")) as connection:
        connection.execute(
            "create or replace table claim_rows (kind text, left_node text, right_node text, claim_rank bigint)"
        )
        kinds, lefts, rights, ranks = (list(column) for column in zip(*rows, strict=True))
        connection.execute(
            "insert into claim_rows select unnest(?), unnest(?), unnest(?), unnest(?::bigint[])",
            [kinds, lefts, rights, ranks],
        )
    environment = os.environ | {
        "DO_NOT_TRACK": "1",
        "OWNERS_HOME": str(home),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
        "DBT_PROFILES_DIR": str(PROJECT),
    }
    command = [sys.executable, "-m", "dbt.cli.main", "run"]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


def test_owners_equal_claims_taken_one_by_one(tmp_path: Path, graphs: dict[str, list[Row]]) -> None:
    result = run(tmp_path, with_ranks_of_their_own(graphs))
    assert result.returncode == 0, result.stdout
    with duckdb.connect(str(tmp_path / "owners.duckdb"), read_only=True) as connection:
        found = dict(connection.execute("select node, owner from owners").fetchall())
    for number, (name, rows) in enumerate(graphs.items()):
        expected, refused = owners_in_order(rows)
        nodes = {node for _, left, right, _ in rows for node in (left, right)}
        assert {node: found[node] for node in nodes if node in found} == expected, f"graph {name}, seed {SEED + number}"
        between_owners = {
            rank
            for kind, left, right, rank in rows
            if kind == "claim" and left in found and right in found and found[left] != found[right]
        }
        assert between_owners == refused, f"graph {name}, seed {SEED + number}"


def test_leaving_out_the_last_claims_changes_no_earlier_decision(graphs: dict[str, list[Row]]) -> None:
    """What the materialization is compared with keeps the promise that claims before a moment do not look beyond it."""
    for name, rows in graphs.items():
        ranks = sorted(rank for kind, _, _, rank in rows if kind == "claim" and rank is not None)
        middle = ranks[len(ranks) // 2]
        _, all_refused = owners_in_order(rows)
        _, early_refused = owners_in_order([row for row in rows if row[3] is None or row[3] < middle])
        assert early_refused == {rank for rank in all_refused if rank < middle}, name


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (("claim", "a", "b", None), "null"),
        (("friend", "a", "b", 2), "kind other than"),
        (("claim", "c", "d", 1), "share a claim_rank"),
    ],
)
def test_rows_that_break_the_terms_are_refused(tmp_path: Path, row: Row, complaint: str) -> None:
    result = run(tmp_path, [("claim", "a", "b", 1), row])
    assert result.returncode != 0
    assert complaint in result.stdout
