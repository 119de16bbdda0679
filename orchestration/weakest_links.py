"""Where a component of a graph comes apart most easily: the one edge or identifier whose removal splits it best."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Edge = tuple[str, str]


@dataclass(frozen=True)
class Cut:
    """One edge (two nodes) or one identifier, and how many nodes the largest piece has once it is removed."""

    nodes: tuple[str, ...]
    largest_piece: int


@dataclass(frozen=True)
class Weakness:
    """Of one connected component: every bridge with the size of its smaller side, and per node what removal leaves."""

    size: int
    bridges: dict[Edge, int]
    largest_piece_without: dict[str, int]
    neighbours: dict[str, int]


def best_cuts(edges: Iterable[Edge], count: int = 5) -> list[Cut]:
    """The edges and identifiers of the largest component whose removal splits it best, best first.

    What counts is how many nodes come apart from the largest piece left. An identifier counts half: with it go all of
    its ties. So where one edge joins two crowds, that edge comes before its ends, and where one identifier joins many,
    it comes before each of its edges. Equal ones: an edge first, then the identifier with more neighbours. In a
    component without a weak spot (a clique) these are the identifiers with most neighbours.
    """
    components = weaknesses(edges)
    if not components:
        return []
    worst = max(components, key=lambda component: component.size)
    ranked = [
        ((-smaller_side, 0, 0, edge), Cut(edge, worst.size - smaller_side))
        for edge, smaller_side in worst.bridges.items()
    ]
    ranked += [
        ((-(worst.size - 1 - largest) / 2, 1, -worst.neighbours[node], (node,)), Cut((node,), largest))
        for node, largest in worst.largest_piece_without.items()
    ]
    return [cut for _, cut in sorted(ranked, key=lambda entry: entry[0])[:count]]


def weaknesses(edges: Iterable[Edge]) -> list[Weakness]:
    """Bridges and cut nodes of each connected component, in time linear in the edges.

    The classic low-link search (Tarjan, "A note on finding the bridges of a graph", 1974) that also counts the nodes
    below each one, so that the sizes of both sides come out of the same pass. Its stack is a list: a path of 100,000
    identifiers is no deeper than any other. Repeated edges count once, and a node's edge to itself does not count.
    """
    names, neighbours = _adjacency(edges)
    found: list[Weakness] = []
    order = [-1] * len(names)
    parent = [-1] * len(names)
    low, size, split_off, largest_below = ([0] * len(names) for _ in range(4))
    for root in range(len(names)):
        if order[root] >= 0:
            continue
        visited = _depth_first(root, neighbours, order, parent)
        bridges: dict[Edge, int] = {}
        for node in reversed(visited):
            low[node] = min([order[node], *(order[other] for other in neighbours[node] if other != parent[node])])
            size[node] += 1
            for child in neighbours[node]:
                if parent[child] != node:
                    continue
                low[node] = min(low[node], low[child])
                size[node] += size[child]
                if low[child] >= order[node]:
                    split_off[node] += size[child]
                    largest_below[node] = max(largest_below[node], size[child])
                if low[child] > order[node]:
                    smaller_side = min(size[child], len(visited) - size[child])
                    bridges[_edge(names[node], names[child])] = smaller_side
        found.append(
            Weakness(
                len(visited),
                bridges,
                {names[node]: max(largest_below[node], len(visited) - 1 - split_off[node]) for node in visited},
                {names[node]: len(neighbours[node]) for node in visited},
            )
        )
    return found


def _adjacency(edges: Iterable[Edge]) -> tuple[list[str], list[list[int]]]:
    numbers: dict[str, int] = {}
    pairs: set[tuple[int, int]] = set()
    for left, right in edges:
        one, other = (numbers.setdefault(name, len(numbers)) for name in (left, right))
        if one != other:
            pairs.add((min(one, other), max(one, other)))
    neighbours: list[list[int]] = [[] for _ in numbers]
    for one, other in sorted(pairs):
        neighbours[one].append(other)
        neighbours[other].append(one)
    return list(numbers), neighbours


def _depth_first(root: int, neighbours: Sequence[Sequence[int]], order: list[int], parent: list[int]) -> list[int]:
    """The nodes reached from a root in the order of a depth-first search; fills in each one's order and parent."""
    visited = [root]
    order[root] = 0
    stack = [(root, iter(neighbours[root]))]
    while stack:
        node, others = stack[-1]
        for other in others:
            if order[other] < 0:
                order[other], parent[other] = len(visited), node
                visited.append(other)
                stack.append((other, iter(neighbours[other])))
                break
        else:
            stack.pop()
    return visited


def _edge(one: str, other: str) -> Edge:
    return (one, other) if one <= other else (other, one)
