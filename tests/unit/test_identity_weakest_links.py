"""Bridges and cut nodes against networkx, which finds them another way."""

import random

import networkx as nx
import pytest

from orchestration.weakest_links import Cut, best_cuts, weaknesses

SHAPES = {
    "sparse": lambda seed: nx.gnm_random_graph(60, 45, seed=seed),
    "tree-like": lambda seed: nx.gnm_random_graph(60, 65, seed=seed),
    "dense": lambda seed: nx.gnm_random_graph(25, 120, seed=seed),
    "tree": lambda seed: nx.random_labeled_tree(50, seed=seed),
    "clusters": lambda seed: nx.connected_caveman_graph(6, 5),
}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shape", SHAPES)
def test_weak_spots_equal_those_of_networkx(shape: str, seed: int):
    graph = nx.relabel_nodes(SHAPES[shape](seed), str)
    shuffled = [random.Random(seed).sample(edge, 2) for edge in graph.edges]  # noqa: S311 - a test's shuffle

    found = weaknesses((one, other) for one, other in shuffled)

    bridges = {edge: side for component in found for edge, side in component.bridges.items()}
    assert bridges == {tuple(sorted(edge)): smaller_side(graph, edge) for edge in nx.bridges(graph)}
    assert {node: left for component in found for node, left in component.largest_piece_without.items()} == {
        node: largest_piece_without(graph, node) for node in graph if graph.degree(node)
    }
    assert sorted(component.size for component in found) == sorted(
        len(component) for component in nx.connected_components(graph) if len(component) > 1
    )


def test_the_edge_between_two_crowds_comes_before_everything_else():
    crowds = nx.disjoint_union(nx.complete_graph(6), nx.complete_graph(8))
    edges = [(str(one), str(other)) for one, other in [*crowds.edges, (0, 6)]]

    assert best_cuts(edges, count=3) == [Cut(("0", "6"), 8), Cut(("6",), 7), Cut(("0",), 8)]


def test_the_shared_identifier_in_the_middle_is_named_not_one_of_its_many_edges():
    edges = [("kiosk", f"user {number}") for number in range(50)]

    assert best_cuts(edges, count=1) == [Cut(("kiosk",), 1)]


def test_where_nothing_is_weak_the_identifiers_with_most_neighbours_are_named():
    edges = [(str(one), str(other)) for one, other in nx.complete_graph(5).edges]
    ring = [("0", "a"), ("a", "b"), ("b", "1")]

    assert [cut.nodes for cut in best_cuts(edges + ring, count=2)] == [("0",), ("1",)]
    assert {cut.largest_piece for cut in best_cuts(edges + ring)} == {6}


def test_a_path_of_100_000_identifiers_is_cut_in_the_middle():
    edges = [(f"{number:06}", f"{number + 1:06}") for number in range(100_000)]

    assert best_cuts(edges, count=1) == [Cut(("049999", "050000"), 50_001)]


def test_an_edge_to_itself_or_told_twice_changes_nothing():
    assert best_cuts([("a", "b"), ("b", "a"), ("a", "a"), ("b", "c")]) == best_cuts([("a", "b"), ("b", "c")])
    assert best_cuts([]) == []


def smaller_side(graph: nx.Graph, edge: tuple[str, str]) -> int:
    without = graph.copy()
    without.remove_edge(*edge)
    return min(len(nx.node_connected_component(without, end)) for end in edge)


def largest_piece_without(graph: nx.Graph, node: str) -> int:
    rest = graph.subgraph(nx.node_connected_component(graph, node) - {node})
    return max(len(component) for component in nx.connected_components(rest))
