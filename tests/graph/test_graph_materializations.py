import subprocess
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from engines import Engine
from oracles import (
    components_by_networkx,
    random_graph,
    random_reach_rows,
    reach_by_trying_every_span,
    shaped_graphs,
)

RANDOM_GRAPHS = 200
SEED = 20_200_420

RunDbt = Callable[..., subprocess.CompletedProcess[str]]

# Paths of one to twelve nodes: components finish in different rounds. With a prime just above the number of nodes, a
# label left behind in its own round's space meets another's; in the large field that would happen once in many builds.
SMALL_EDGES = [
    (f"{path:02d}|{step}", f"{path:02d}|{min(step + 1, path % 12)}")
    for path in range(36)
    for step in range(path % 12 + 1)
]
SMALL_PRIME = "connected_components_prime: 239, connected_components_low_range: 1"


@pytest.fixture(scope="module")
def graphs() -> dict[str, list]:
    random_graphs = {f"{number:03d}": random_graph(f"{number:03d}", SEED + number) for number in range(RANDOM_GRAPHS)}
    return random_graphs | shaped_graphs()


@pytest.fixture(scope="module")
def reach_rows() -> dict[str, list]:
    return {f"{number:03d}": random_reach_rows(f"{number:03d}", SEED + number) for number in range(RANDOM_GRAPHS)}


@pytest.fixture(scope="module")
def built(tmp_path_factory, run_dbt: RunDbt, write_graphs, graphs, reach_rows) -> Path:
    home = tmp_path_factory.mktemp("built")
    write_graphs(
        home,
        [edge for edges in graphs.values() for edge in edges],
        [row for rows in reach_rows.values() for row in rows],
    )
    result = run_dbt(home, "--exclude", "refused")
    assert result.returncode == 0, result.stdout
    return home


def test_components_equal_networkx_on_every_graph(built: Path, read_rows, graphs) -> None:
    rows = read_rows(built, "select node, component from components")
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for node, component in rows:
        found[node.split("|")[0]][node] = component
    assert len(rows) == sum(len(nodes) for nodes in found.values()), "a node has more than one row"
    for number, (name, edges) in enumerate(graphs.items()):
        prefix = edges[0][0].split("|")[0]
        assert found.pop(prefix) == components_by_networkx(edges), (
            f"graph {name}, seed {SEED + number}, {len(edges)} edges"
        )
    assert not found


def test_components_of_no_edges_are_an_empty_table_of_texts(built: Path, read_rows) -> None:
    assert read_rows(built, "select * from components_of_nothing") == []
    columns = read_rows(
        built,
        "select column_name, data_type in ('VARCHAR', 'text') from information_schema.columns "
        "where table_name = 'components_of_nothing' order by ordinal_position",
    )
    assert columns == [("node", True), ("component", True)]


def test_components_start_from_whatever_a_crash_left_in_the_session(built: Path, read_rows, graphs) -> None:
    edges = [edge for name, edges in graphs.items() if name.startswith("01") for edge in edges]
    assert dict(read_rows(built, "select * from components_after_crash")) == components_by_networkx(edges)


def test_hooks_run_in_order_inside_and_outside_the_transaction(built: Path, read_rows) -> None:
    ((nodes,),) = read_rows(built, "select count(*) from components")
    assert [hook for (hook,) in read_rows(built, "select hook from hooks")] == [
        "before, outside",
        "before, inside",
        f"after, inside: {nodes}",
        f"after, outside: {nodes}",
    ]


def test_earliest_reach_gives_every_span_that_no_other_contains(built: Path, read_rows, reach_rows) -> None:
    rows = read_rows(built, "select node, target, available_at, known_until from reach")
    assert len(rows) == len(set(rows)), "a span of a node and target has more than one row"
    found: defaultdict[str, dict] = defaultdict(lambda: defaultdict(set))
    for node, target, available_at, known_until in rows:
        found[node.split("|")[0]][node, target].add((available_at, known_until))
    for number, (name, graph) in enumerate(reach_rows.items()):
        assert found.pop(name, {}) == reach_by_trying_every_span(graph), f"graph {name}, seed {SEED + number}"
    assert not found


def test_earliest_reach_of_no_rows_is_an_empty_table(built: Path, read_rows) -> None:
    assert read_rows(built, "select node, target, available_at from reach_of_nothing") == []


@pytest.fixture(scope="module")
def rebuilt_after_crash(tmp_path_factory, engine: Engine, run_dbt: RunDbt, write_graphs) -> Path:
    """Stale tables stand where the swap wants to write; the model itself was a view before."""
    home = tmp_path_factory.mktemp("rebuilt")
    write_graphs(home, SMALL_EDGES, random_reach_rows("0", SEED))
    engine.execute(
        home,
        [
            "create table components__dbt_tmp as select 'stale' as node",
            "create view components__dbt_backup as select 'stale' as node",
            "create view components as select 'stale' as node, 'stale' as component",
            "create table reach as select 'stale' as node",
            "create table reach__dbt_backup as select 'stale' as node",
        ],
    )
    result = run_dbt(home, "--full-refresh", "--select", "components", "reach", "--vars", f"{{{SMALL_PRIME}}}")
    assert result.returncode == 0, result.stdout
    return home


def test_a_run_after_a_crash_gives_the_right_tables(rebuilt_after_crash: Path, read_rows) -> None:
    rows = read_rows(rebuilt_after_crash, "select node, component from components")
    assert len(rows) == 234
    assert dict(rows) == components_by_networkx(SMALL_EDGES)
    spans: defaultdict[tuple, set] = defaultdict(set)
    for node, target, *span in read_rows(rebuilt_after_crash, "select * from reach"):
        spans[node, target].add(tuple(span))
    assert spans == reach_by_trying_every_span(random_reach_rows("0", SEED))


def test_nothing_but_the_models_is_left_behind(rebuilt_after_crash: Path, read_rows) -> None:
    tables = read_rows(
        rebuilt_after_crash,
        "select table_name from information_schema.tables where table_schema = 'main' order by table_name",
    )
    assert [name for (name,) in tables] == ["components", "edges", "hooks", "reach", "reach_rows"]


@pytest.fixture(scope="module")
def refused(tmp_path_factory, engine: Engine, run_dbt: RunDbt, rebuilt_after_crash: Path) -> tuple[Path, str]:
    home = tmp_path_factory.mktemp("refused")
    engine.copy(rebuilt_after_crash, home)
    few_rounds = f"{{connected_components_max_rounds: 0, earliest_reach_max_rounds: 0, {SMALL_PRIME}}}"
    result = run_dbt(home, "--select", "refused", "components", "reach", "--vars", few_rounds)
    assert result.returncode == 1, result.stdout
    return home, " ".join(result.stdout.split())


@pytest.mark.parametrize(
    "message",
    [
        "connected_components: 1 rows of model components_with_null have a null in left_node or right_node.",
        "earliest_reach: 1 rows of model reach_with_null have a null in kind, left_node, right_node,",
        "earliest_reach: 1 rows of model reach_with_unknown_kind have a kind other than edge or source.",
        "connected_components: model components_with_too_many_nodes has 239 nodes; labels go to 238.",
        "connected_components: model components still has 198 edges after 0 rounds.",
        "earliest_reach: model reach still improves",
    ],
)
def test_a_graph_that_cannot_be_answered_is_refused_by_name(refused: tuple[Path, str], message: str) -> None:
    assert message in refused[1]


def test_a_refused_run_leaves_the_former_table(refused: tuple[Path, str], read_rows) -> None:
    assert len(read_rows(refused[0], "select node from components")) == 234
