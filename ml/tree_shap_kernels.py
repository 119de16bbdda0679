"""The compiled part of TreeSHAP, with all that it reads: Numba's cache notices changes of this one file only.

A leaf's contribution to feature i of the D features on its path, where o_j says whether the row meets the leaf's
conditions of feature j and z_j is the share of training rows that do, is

    value * (o_i - z_i) * integral over t from 0 to 1 of the product over j other than i of t * o_j + (1 - t) * z_j

which is the Shapley value: the weights k! (D - 1 - k)! / D! are the integrals of t^k (1 - t)^(D - 1 - k). The integrand
is a polynomial of degree D - 1, so Gauss-Legendre quadrature with D / 2 nodes, rounded up, gives it exactly; its terms
are all positive, so nothing cancels.

Functions take arrays and numbers, no records: unpacked by LLVM these cost 10 seconds of compilation.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingParameterType=false
# pyright: reportUntypedFunctionDecorator=false
# (Numba's decorators carry no types)

from typing import Any

import numba
import numpy as np

BLOCK_ROWS = 2048  # fewer read the tables too often, more no longer fit the cache

# How the values of a column turn into codes: numbers by LightGBM's three sorts of missing, or categories.
MISSING_NONE, MISSING_ZERO, MISSING_NAN, CATEGORIES = 0, 1, 2, 3
MISSING, NEVER = 65_535, 65_534  # the code of a missing value, and one that no value has

NEARLY_ZERO = float(np.float32(1e-35))  # LightGBM reads what is nearer to 0 as 0
TOO_LARGE = 2.0**31  # for a category


def compiled(function: Any) -> Any:
    """Compile at the first call, and keep that in `__pycache__`, in NUMBA_CACHE_DIR, or in the user's cache folder.

    Where none of them can be written, every process compiles anew.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return numba.njit(nogil=True)(function)


@compiled
def fill_tables(
    tables, first_condition, first_entry, first_leaf, leaf_value, first_slot, slot, share, care, want,
    nodes, weights, first_node,
):  # fmt: skip
    """Add every leaf's contributions to the tables of its group (see `Groups`), which are zero before.

    Quadrature with q nodes takes those from first_node[q] to first_node[q + 1].
    """
    for group in range(len(first_leaf) - 1):
        patterns = 1 << (first_condition[group + 1] - first_condition[group])
        for leaf in range(first_leaf[group], first_leaf[group + 1]):
            first, last = first_slot[leaf], first_slot[leaf + 1]
            count = (last - first + 1) // 2
            own = _leaf_table(
                leaf_value[leaf], share, first, last, nodes, weights, first_node[count], first_node[count + 1]
            )
            for pattern in range(patterns):
                met = 0
                for j in range(first, last):
                    if pattern & care[j] == want[j]:
                        met |= 1 << (j - first)
                for j in range(first, last):
                    tables[first_entry[group] + slot[j] * patterns + pattern] += own[j - first, met]


@compiled
def _leaf_table(value, share, first, last, nodes, weights, first_node, last_node):
    """Contributions (features, 2^features) of one leaf for each set of features whose conditions are met."""
    features = last - first
    table = np.zeros((features, 1 << features))
    product = np.empty(1 << features)
    for node in range(first_node, last_node):
        t = nodes[node]
        product[0] = value * weights[node]
        for j in range(features):
            met, unmet = t + (1 - t) * share[first + j], (1 - t) * share[first + j]
            for pattern in range(1 << j):
                product[pattern | 1 << j] = product[pattern] * met
                product[pattern] *= unmet
        for j in range(features):
            met, unmet = (1 - share[first + j]) / (t + (1 - t) * share[first + j]), -1 / (1 - t)
            for pattern in range(1 << features):
                table[j, pattern] += product[pattern] * (met if pattern >> j & 1 else unmet)
    return table


@compiled
def add_groups(
    X, start, sums, codes, pattern, tables,
    column_feature, column_kind, first_edge, edges,
    column, low, length, missing, members, sets,
    first_condition, first_feature, feature, first_entry,
):  # fmt: skip
    """Add what the groups of leaves contribute for the block of rows of X from `start` on to `sums` (features, rows).

    `codes` (columns, rows) and `pattern` (rows) are room to work in; the codes of the block stay there.
    """
    rows = min(BLOCK_ROWS, len(X) - start)
    for k in range(len(column_feature)):
        _encode(X, start, rows, column_feature[k], column_kind[k], edges, first_edge[k], first_edge[k + 1], codes, k)
    for group in range(len(first_feature) - 1):
        first, last = first_condition[group], first_condition[group + 1]
        for r in range(BLOCK_ROWS):
            pattern[r] = 0
        for k in range(first, last):
            bit = np.uint16(1 << (k - first))
            _add_bit(codes, column[k], low[k], length[k], missing[k], members[k], sets, bit, pattern)
        entry = first_entry[group]
        for k in range(first_feature[group], first_feature[group + 1]):
            _look_up(tables, entry, pattern, sums, feature[k])
            entry += 1 << (last - first)


@compiled
def _encode(X, start, rows, feature, kind, edges, first, last, codes, column):
    """Number the intervals between edges: value <= edge i is code <= i."""
    for r in range(rows):
        value = X[start + r, feature]
        if kind == CATEGORIES:  # LightGBM drops the fraction; all that no split names have the code after the last
            value = np.trunc(value) if -1 < value < TOO_LARGE else -1.0
        elif np.isnan(value) and kind == MISSING_NAN:
            codes[column, r] = MISSING
            continue
        elif not np.abs(value) > NEARLY_ZERO:
            if kind == MISSING_ZERO:
                codes[column, r] = MISSING
                continue
            value = 0.0
        below, above = first, last
        while below < above:
            middle = (below + above) >> 1
            if edges[middle] < value:
                below = middle + 1
            else:
                above = middle
        if kind == CATEGORIES and (below == last or edges[below] != value):
            below = last
        codes[column, r] = below - first


@compiled
def _add_bit(codes, column, low, length, missing, members, sets, bit, pattern):
    if members >= 0:
        for r in range(BLOCK_ROWS):
            pattern[r] = np.uint16(pattern[r] + bit * sets[members + codes[column, r]])
    else:
        for r in range(BLOCK_ROWS):
            held = (np.uint16(codes[column, r] - low) <= length) | (codes[column, r] == missing)
            pattern[r] = np.uint16(pattern[r] + (bit if held else np.uint16(0)))


@compiled
def _look_up(tables, entry, pattern, sums, feature):
    for r in range(BLOCK_ROWS):
        sums[feature, r] += tables[entry + pattern[r]]


@compiled
def add_deep_leaves(
    sums, codes, held, product,
    column, low, length, missing, members, sets,
    value, first_feature, feature, share, first_condition,
    nodes, weights, first_node,
):  # fmt: skip
    """Add what leaves without a table contribute for a block of rows, by quadrature per row.

    `held` (features of the longest path, rows) and `product` (rows) are room to work in.
    """
    for leaf in range(len(value)):
        first, last = first_feature[leaf], first_feature[leaf + 1]
        for j in range(first, last):
            begin, end = first_condition[j], first_condition[j + 1]
            _all_hold(codes, column, low, length, missing, members, sets, begin, end, held[j - first])
        count = (last - first + 1) // 2
        for node in range(first_node[count], first_node[count + 1]):
            t = nodes[node]
            for r in range(BLOCK_ROWS):
                product[r] = value[leaf] * weights[node]
            for j in range(first, last):
                met, unmet = t + (1 - t) * share[j], (1 - t) * share[j]
                for r in range(BLOCK_ROWS):
                    product[r] *= met if held[j - first, r] else unmet
            for j in range(first, last):
                met, unmet = (1 - share[j]) / (t + (1 - t) * share[j]), -1 / (1 - t)
                for r in range(BLOCK_ROWS):
                    sums[feature[j], r] += product[r] * (met if held[j - first, r] else unmet)


@compiled
def _all_hold(codes, column, low, length, missing, members, sets, first, last, held):
    for r in range(BLOCK_ROWS):
        held[r] = 0
    for k in range(first, last):
        _add_bit(codes, column[k], low[k], length[k], missing[k], members[k], sets, np.uint16(1), held)
    for r in range(BLOCK_ROWS):
        held[r] = np.uint16(held[r] == last - first)
