"""Graphs for the tests, and what the two materializations must answer, found by other means."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import networkx as nx

Edge = tuple[str, str]
ReachRow = tuple[str, str, str, datetime]

# Upper and lower case, an accent and an emoji: only binary order sorts them as Python sorts their bytes.
FIRST_LETTERS = ["a", "B", "_", "é", "😀"]
START = datetime(2024, 1, 1)  # noqa: DTZ001 - a timestamp without zone, as the warehouse keeps it


def random_graph(prefix: str, seed: int) -> list[Edge]:
    """Up to 10,000 nodes, most graphs far smaller, from nearly empty to eight neighbours a node."""
    generator = random.Random(seed)  # noqa: S311 - no secret: the seed is printed when a test fails
    size = round(10 ** generator.uniform(0, 4))
    names = [f"{prefix}|{generator.choice(FIRST_LETTERS)}{number}" for number in range(size)]
    edge_count = round(size * generator.choice([0.1, 0.4, 0.5, 0.7, 1, 2, 4]))
    drawn = [(generator.choice(names), generator.choice(names)) for _ in range(edge_count)]
    repeated = drawn[: edge_count // 10] + [(right, left) for left, right in drawn[: edge_count // 20]]
    alone = [(name, name) for name in generator.sample(names, max(1, size // 3))]
    return drawn + repeated + alone


def shaped_graphs() -> dict[str, list[Edge]]:
    large = 100_000
    return {
        "path": [(f"path|{step}", f"path|{step + 1}") for step in range(large)],
        "star": [("star|centre", f"star|{leaf}") for leaf in range(large)],
        "clique": [(f"clique|{left}", f"clique|{right}") for left in range(400) for right in range(left)],
        "loops": [(f"loop|{node}", f"loop|{node}") for node in range(50)],
    }


def components_by_networkx(edges: Iterable[Edge]) -> dict[str, str]:
    graph = nx.Graph()
    graph.add_edges_from(edges)
    return {
        node: smallest
        for component in nx.connected_components(graph)
        for smallest in [min(component, key=str.encode)]
        for node in component
    }


def random_reach_rows(prefix: str, seed: int) -> list[ReachRow]:
    """Few distinct times, so that many tie; targets are shared between graphs, and one is the name of a node."""
    generator = random.Random(seed)  # noqa: S311 - no secret: the seed is printed when a test fails
    names = [f"{prefix}|{number}" for number in range(generator.randint(1, 40))]
    targets = ["company 1", "company 2", "company 3", names[0]]

    def moment() -> datetime:
        return START + timedelta(hours=generator.randrange(12))

    edge_count = round(len(names) * generator.choice([0.5, 1, 1.5, 3]))
    edges = [("edge", generator.choice(names), generator.choice(names), moment()) for _ in range(edge_count)]
    sources = [
        ("source", generator.choice(names), generator.choice(targets), moment()) for _ in range(generator.randrange(6))
    ]
    return edges + sources


@dataclass
class Tree:
    nodes: set[str]
    targets: set[str] = field(default_factory=set)


def reach_by_order_of_time(rows: Iterable[ReachRow]) -> dict[Edge, datetime]:
    """Kruskal: let the facts arrive in time; a node reaches a target when its tree first holds both."""
    tree_of: dict[str, Tree] = {}
    reached: dict[Edge, datetime] = {}

    def learn(nodes: set[str], targets: set[str], moment: datetime) -> None:
        for node in nodes:
            for target in targets:
                reached.setdefault((node, target), moment)

    for kind, left, right, moment in sorted(rows, key=lambda row: row[3]):
        tree = tree_of.setdefault(left, Tree({left}))
        other = Tree(set(), {right}) if kind == "source" else tree_of.setdefault(right, Tree({right}))
        if other is tree:
            continue
        learn(tree.nodes, other.targets, moment)
        learn(other.nodes, tree.targets, moment)
        tree.nodes |= other.nodes
        tree.targets |= other.targets
        tree_of |= dict.fromkeys(other.nodes, tree)
    return reached
