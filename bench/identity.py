"""Connected components of identifiers: our dbt materialization against SciPy, from the same texts to the same table."""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import pyarrow as pa
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from bench.cost import Cost

PROJECT = Path(__file__).parent / "graph_project"
SEED = 20_200_420

Result = TypeVar("Result")


@dataclass(frozen=True)
class Repetition:
    """One run of each side, from the edges in the warehouse to the components in the warehouse."""

    start_up: Cost
    ours: Cost
    scipy: Cost
    scipy_on_integers: Cost


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--edges", type=int, default=8_000_000, help="random edges (default: %(default)s)")
    parser.add_argument(
        "--nodes",
        type=int,
        nargs="+",
        help="nodes that the edges are drawn between, one shape each (default: 1/2 and 1 x edges)",
    )
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each side, in turn (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    """Measures each shape and prints its figures; the last line is that of the last shape."""
    shapes = options.nodes or [options.edges // 2, options.edges]
    lines = [measure_shape(options.edges, nodes, options.repetitions) for nodes in shapes]
    print("\n".join(lines))


def measure_shape(edges: int, nodes: int, repetitions: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Path(folder) / "graph.duckdb"
        write_random_edges(warehouse, edges, nodes)
        run_model(warehouse, "components_of_nothing")  # loads dbt, and parses the project for the first time
        print(f"\n{edges:,} random edges over {nodes:,} nodes")
        measured: list[Repetition] = []
        all_equal = True
        for number in range(repetitions):
            measured.append(measure_once(warehouse))
            equal = same_components(warehouse)
            all_equal = all_equal and equal
            print_repetition(number, measured[-1], equal)
    return summary(edges, nodes, measured, all_equal)


def measure_once(warehouse: Path) -> Repetition:
    """Ours and then SciPy's; repeated, the two take turns. The empty run is what dbt costs without a graph."""
    start_up, _ = cost_of(lambda: run_model(warehouse, "components_of_nothing"))
    ours, _ = cost_of(lambda: run_model(warehouse, "components"))
    scipy, on_integers = cost_of(lambda: components_by_scipy(warehouse))
    return Repetition(start_up, ours.without(start_up), scipy, on_integers)


def cost_of(step: Callable[[], Result]) -> tuple[Cost, Result]:
    clock, processor = time.perf_counter(), time.process_time()
    result = step()
    return Cost(time.perf_counter() - clock, time.process_time() - processor), result


def write_random_edges(warehouse: Path, edges: int, nodes: int) -> None:
    """Writes the table edges (left_node, right_node) of texts such as `anonymous_id:123`."""
    ends = np.random.default_rng(SEED).integers(0, nodes, size=(2, edges))
    numbers = pa.table({"left_number": ends[0], "right_number": ends[1]})
    with duckdb.connect(str(warehouse)) as connection:
        connection.register("numbers", numbers)
        connection.execute(
            "create table edges as select 'anonymous_id:' || left_number as left_node, "
            "'anonymous_id:' || right_number as right_node from numbers"
        )


def run_model(warehouse: Path, model: str) -> None:
    """One dbt invocation in this process; closing the warehouse at the end is part of it."""
    os.environ |= {"BENCHMARK_WAREHOUSE": str(warehouse), "DO_NOT_TRACK": "1"}
    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    outputs = ["--target-path", str(warehouse.parent / "target"), "--log-path", str(warehouse.parent / "logs")]
    result = dbtRunner().invoke(["--quiet", "run", "--select", model, *folders, *outputs])
    DuckDBConnectionManager.close_all_connections()
    if not result.success:
        raise RuntimeError(f"dbt could not build {model}: {result.exception or result.result}")


def components_by_scipy(warehouse: Path) -> Cost:
    """Builds the table components_by_scipy (node, component). Gives what SciPy's own algorithm cost of it."""
    with duckdb.connect(str(warehouse)) as connection:
        edges = connection.execute("select left_node, right_node from edges").to_arrow_table()
        ends = pa.chunked_array([*edges["left_node"].chunks, *edges["right_node"].chunks]).combine_chunks()
        encoded = ends.dictionary_encode()
        numbers = encoded.indices.to_numpy()
        left, right = numbers[: edges.num_rows], numbers[edges.num_rows :]
        node_count = len(encoded.dictionary)

        on_integers, labels = cost_of(lambda: labels_by_scipy(left, right, node_count))

        labelled = pa.table({"node": encoded.dictionary, "label": pa.array(labels)})
        smallest = labelled.group_by("label").aggregate([("node", "min")]).sort_by("label")
        components = pa.table(
            {"node": encoded.dictionary, "component": smallest["node_min"].combine_chunks().take(labels)}
        )
        connection.register("components", components)
        connection.execute("create or replace table components_by_scipy as select node, component from components")
    return on_integers


def labels_by_scipy(left: np.ndarray, right: np.ndarray, node_count: int) -> np.ndarray:
    ones = np.ones(len(left), dtype=np.int8)
    graph = coo_matrix((ones, (left, right)), shape=(node_count, node_count))
    return connected_components(graph, directed=False)[1]


def same_components(warehouse: Path) -> bool:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        differing = connection.execute(
            "select count(*) from components full join components_by_scipy using (node) "
            "where components.component is distinct from components_by_scipy.component"
        ).fetchall()[0][0]
        rows = connection.execute(
            "select (select count(*) from components), (select count(*) from components_by_scipy)"
        ).fetchall()[0]
    return differing == 0 and rows[0] == rows[1]


def print_repetition(number: int, repetition: Repetition, equal: bool) -> None:
    costs = [
        f"{name} {cost.clock:.2f} s ({cost.processor:.2f} s of processor)"
        for name, cost in (
            ("ours", repetition.ours),
            ("SciPy", repetition.scipy),
            ("of which on integers", repetition.scipy_on_integers),
            ("dbt's start-up", repetition.start_up),
        )
    ]
    print(
        f"  run {number + 1}: {', '.join(costs)}, equal {yes_or_no(equal)}, load {os.getloadavg()[0]:.1f}", flush=True
    )


def summary(edges: int, nodes: int, measured: list[Repetition], equal: bool) -> str:
    ours = median_cost([repetition.ours for repetition in measured])
    scipy = median_cost([repetition.scipy for repetition in measured])
    on_integers = median_cost([repetition.scipy_on_integers for repetition in measured])
    return (
        f"median of {len(measured)} over {nodes:,} nodes: ours {ours.clock:.2f} s, SciPy {scipy.clock:.2f} s; "
        f"in processor time {ours.processor / scipy.processor:.2f} times SciPy; "
        f"{ours.clock / on_integers.clock:.1f} times SciPy on integers\n"
        f"identity ratio={ours.clock / scipy.clock:.2f} edges={edges} equal={yes_or_no(equal)}"
    )


def median_cost(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.clock for cost in costs),
        statistics.median(cost.processor for cost in costs),
    )


def yes_or_no(answer: bool) -> str:
    return "yes" if answer else "no"
