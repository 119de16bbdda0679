"""Graphs for the tests, and what the two materializations must answer, found by other means."""

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import networkx as nx

Edge = tuple[str, str]
ReachRow = tuple[str, str, str, datetime, datetime]

# Upper and lower case, an accent and an emoji: only binary order sorts them as Python sorts their bytes.
FIRST_LETTERS = ["a", "B", "_", "é", "😀"]
START = datetime(2024, 1, 1)  # noqa: DTZ001 - a timestamp without zone, as the warehouse keeps it
FOREVER = datetime(9999, 12, 31)  # noqa: DTZ001


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
    """Few distinct times, so that many tie; targets are shared between graphs, and one is the name of a node.

    In every second graph some ties end; in the others all last, as nearly all do in practice.
    """
    generator = random.Random(seed)  # noqa: S311 - no secret: the seed is printed when a test fails
    names = [f"{prefix}|{number}" for number in range(generator.randint(1, 40))]
    targets = ["company 1", "company 2", "company 3", names[0]]
    share_that_ends = generator.choice([0, 0.5])

    def span() -> tuple[datetime, datetime]:
        start = generator.randrange(12)
        ends = generator.random() < share_that_ends
        return START + timedelta(hours=start), START + timedelta(
            hours=generator.randint(start + 1, 13)
        ) if ends else FOREVER

    edge_count = round(len(names) * generator.choice([0.5, 1, 1.5, 3]))
    edges = [("edge", generator.choice(names), generator.choice(names), *span()) for _ in range(edge_count)]
    sources = [
        ("source", generator.choice(names), generator.choice(targets), *span()) for _ in range(generator.randrange(6))
    ]
    return edges + sources


def reach_by_trying_every_span(rows: list[ReachRow]) -> dict[Edge, set[tuple[datetime, datetime]]]:
    """Per node and target: the spans through which some path holds, without those that lie within another.

    For every start and end, the graph of what holds all the time between them is walked anew.
    """
    starts, ends = sorted({row[3] for row in rows}), sorted({row[4] for row in rows}, reverse=True)
    found: defaultdict[Edge, set[tuple[datetime, datetime]]] = defaultdict(set)
    for start in starts:
        for end in (end for end in ends if end > start):
            for pair in _reached([row for row in rows if row[3] <= start and row[4] >= end]):
                if not any(first <= start and last >= end for first, last in found[pair]):
                    found[pair].add((start, end))
    return {pair: spans for pair, spans in found.items() if spans}


def _reached(rows: list[ReachRow]) -> set[Edge]:
    graph = nx.Graph((left, right) for kind, left, right, *_ in rows if kind == "edge")
    found: set[Edge] = set()
    for kind, node, target, *_ in rows:
        if kind == "source":
            companions = nx.node_connected_component(graph, node) if node in graph else {node}
            found |= {(companion, target) for companion in companions}
    return found
