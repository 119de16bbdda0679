"""Exact contributions of a LightGBM model's trees, many times faster than its own `predict(pred_contrib=True)`.

The values are those of path-dependent TreeSHAP (Lundberg et al., Nature Machine Intelligence 2020). Which conditions of
a leaf's path a row meets decides what the leaf contributes, so the contributions for all combinations are computed once
per model (ml/tree_shap_plan.py says which leaves share a table), and a row only looks them up. Rows are worked on in
blocks with their columns transposed, values as the 16-bit number of the threshold interval they lie in: then all inner
loops run over rows. Each row is summed in the order of the trees, so blocks and threads cannot change a bit.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from ml import arrow
from ml.arrow import Floats, Integers, Table
from ml.tree_shap_kernels import BLOCK_ROWS, add_deep_leaves, add_groups, fill_tables
from ml.tree_shap_plan import MAX_BITS, Plan, plan
from ml.tree_shap_trees import expected_value, read_trees


@dataclass(frozen=True)
class Quadrature:
    """Gauss-Legendre on [0, 1]: with q nodes from `first[q]` to `first[q + 1]`, exact up to degree 2q - 1."""

    nodes: Floats
    weights: Floats
    first: Integers


@dataclass(frozen=True)
class TreeShap:
    """A model prepared: `features` columns in, `base` its mean over the training rows, and the tables."""

    features: int
    base: float
    plan: Plan
    tables: Floats
    quadrature: Quadrature


@lru_cache(maxsize=2)  # scoring asks block by block with the same model
def prepare(model_text: str, max_bits: int = MAX_BITS) -> TreeShap:
    """Read a model from LightGBM's text and build its tables.

    Args:
        model_text: of `Booster.model_to_string()`, checked for integrity.
        max_bits: no table has more than 2^max_bits patterns; leaves with more features are computed row by row.

    Raises:
        NotExplainable: linear trees, or several outputs per row.
        TooManyThresholds: a feature has more than 65,000 thresholds.
    """
    features, trees = read_trees(model_text)
    planned = plan(trees, max_bits)
    quadrature = _quadrature(_longest_path(planned))
    groups = planned.groups
    tables = np.zeros(groups.first_entry[-1])
    fill_tables(
        tables, groups.first_condition, groups.first_entry, groups.first_leaf, groups.leaf_value, groups.first_slot,
        groups.slot, groups.share, groups.care, groups.want, quadrature.nodes, quadrature.weights, quadrature.first,
    )  # fmt: skip
    return TreeShap(features, sum(expected_value(tree) for tree in trees), planned, tables, quadrature)


def contributions(model: TreeShap, X: Floats, threads: int | None = None) -> Floats:
    """Each feature's contribution (rows, features); with `model.base` they add up to the trees' margin.

    Args:
        model: what `prepare` gave.
        X: (rows, features), NaN where missing.
        threads: how many share the rows; as many as there are processors when not given. The result is the same.

    Raises:
        ValueError: X has another number of columns than the model.
    """
    if X.ndim != 2 or X.shape[1] != model.features:
        raise ValueError(f"the model reads {model.features} features, not a matrix of shape {X.shape}")
    rows = np.ascontiguousarray(X, dtype=np.float64)
    out = np.empty(rows.shape)
    threads = threads or len(os.sched_getaffinity(0))
    blocks = -(-len(rows) // BLOCK_ROWS)
    bounds = [min(len(rows), blocks * part // threads * BLOCK_ROWS) for part in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        parts = [pool.submit(_explain, model, rows[a:b], out[a:b]) for a, b in pairwise(bounds) if a < b]
        for part in parts:
            part.result()
    return out


def stream_contributions(
    model: TreeShap, batches: Iterable[Floats | Table], threads: int | None = None
) -> Iterator[Floats]:
    """As `contributions`, batch by batch. An Arrow table's columns are the model's features in order, null as NaN."""
    for batch in batches:
        yield contributions(model, matrix(batch) if isinstance(batch, Table) else batch, threads)


def matrix(table: Table) -> Floats:
    """The columns of an Arrow table, side by side."""
    return np.column_stack(
        [np.zeros((table.num_rows, 0)), *(arrow.numbers(table, name) for name in table.column_names)]
    )


def _explain(model: TreeShap, X: Floats, out: Floats) -> None:
    """Fill `out` (rows, features), block by block."""
    planned, quadrature, groups = model.plan, model.quadrature, model.plan.groups
    codes = np.zeros((len(planned.columns.feature), BLOCK_ROWS), dtype=np.uint16)
    pattern = np.empty(BLOCK_ROWS, dtype=np.uint16)
    held = np.empty((_longest_path(planned), BLOCK_ROWS), dtype=np.uint16)
    product = np.empty(BLOCK_ROWS)
    sums = np.empty((model.features, BLOCK_ROWS))
    for start in range(0, len(X), BLOCK_ROWS):
        sums[:] = 0
        add_groups(
            X, start, sums, codes, pattern, model.tables, *planned.columns, *planned.group_conditions,
            groups.first_condition, groups.first_feature, groups.feature, groups.first_entry,
        )  # fmt: skip
        if len(planned.deep.value):
            add_deep_leaves(
                sums, codes, held, product, *planned.deep_conditions, *planned.deep,
                quadrature.nodes, quadrature.weights, quadrature.first,
            )  # fmt: skip
        out[start : start + BLOCK_ROWS] = sums.T[: len(X) - start]


def _longest_path(planned: Plan) -> int:
    """Most features on a leaf's path."""
    return max(int(np.diff(first).max(initial=0)) for first in (planned.groups.first_slot, planned.deep.first_feature))


def _quadrature(features: int) -> Quadrature:
    rules = [np.polynomial.legendre.leggauss(count) for count in range(1, (features + 1) // 2 + 1)]
    sizes = [0, 0, *(len(nodes) for nodes, _ in rules)]
    return Quadrature(
        nodes=np.concatenate([np.zeros(0), *((nodes + 1) / 2 for nodes, _ in rules)]),
        weights=np.concatenate([np.zeros(0), *(weights / 2 for _, weights in rules)]),
        first=np.cumsum(sizes),
    )
