"""What is computed together: leaves below one split share a table of contributions, so that a row looks it up once.

To a group of leaves a row is what a few conditions say of it, one bit each: per feature on the way from the root to the
group, whether all of its conditions hold; per split inside the group, whether the row goes left. The table has an entry
per pattern of bits and feature. One leaf with D features on its path needs 2^D patterns. A group of 4 leaves needs 8
times the patterns of its root, but one look-up where its leaves need 4. Which groups are cheapest is found per tree,
from the leaves up. A leaf with more features than a table can hold is computed for each row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from ml.arrow import Bools, Floats, Integers
from ml.tree_shap_kernels import BLOCK_ROWS, MISSING, NEVER
from ml.tree_shap_trees import Tree

Codes = npt.NDArray[np.uint16]

MAX_BITS = 11
MAX_EDGES = NEVER - 1

# Nanoseconds, roughly as measured: per row and feature of a look-up, per row and bit, per entry of a table (each block
# of rows reads it from the memory again), and per row, feature and node of quadrature. They decide on speed only.
LOOK_UP, CONDITION, ENTRY, QUADRATURE = 0.6, 0.1, 0.5, 0.6


class TooManyThresholds(ValueError):  # noqa: N818 - the name says what is wrong
    """A feature has more distinct thresholds or categories than codes of 16 bits can tell apart."""


class Columns(NamedTuple):
    """How to turn features into codes: a feature appears once per `kind`, the way its splits treat missing values.

    `edges` holds each column's ascending thresholds or categories, from `first_edge[column]` on.
    """

    feature: Integers
    kind: Integers
    first_edge: Integers
    edges: Floats


class Conditions(NamedTuple):
    """Each holds for the codes from `start` on, `length` more, and for the code `missing`; or for `members` if any.

    `members` is where the condition's set begins in `sets`, one byte per code; -1 for an interval.
    """

    column: Integers
    start: Codes
    length: Codes
    missing: Codes
    members: Integers
    sets: npt.NDArray[np.uint8]


class Groups(NamedTuple):
    """Leaves that share a table. Ranges are in the form first[i] to first[i + 1].

    Per group: its conditions (bit 0 first), its features, where its table begins (a feature's 2^bits entries together)
    and its leaves. Per leaf: value, and its features as places in the group (`slot`), with the share of training rows
    that goes the leaf's way (`share`); the leaf's conditions of it hold where `pattern & care == want`.
    """

    first_condition: Integers
    first_feature: Integers
    feature: Integers
    first_entry: Integers
    first_leaf: Integers
    leaf_value: Floats
    first_slot: Integers
    slot: Integers
    share: Floats
    care: Integers
    want: Integers


class DeepLeaves(NamedTuple):
    """Leaves on their own: per leaf its value and features; per feature its share and the conditions to meet."""

    value: Floats
    first_feature: Integers
    feature: Integers
    share: Floats
    first_condition: Integers


@dataclass(frozen=True)
class Plan:
    """A model laid out for the kernels; the conditions of groups and of deep leaves are numbered apart."""

    columns: Columns
    groups: Groups
    group_conditions: Conditions
    deep: DeepLeaves
    deep_conditions: Conditions


@dataclass(frozen=True)
class _Interval:
    """Codes from `low` to `high`, both included (none where they cross), and missing values if `missing`."""

    low: int
    high: int
    missing: bool


_Condition = _Interval | Bools  # the second a categorical column: which codes are members


@dataclass(frozen=True)
class _Layout:
    """The columns with, per (feature, kind), their number and edges."""

    number: dict[tuple[int, int], int]
    edges: list[Floats]
    features: list[int]
    kinds: list[int]


@dataclass
class _ConditionLists:
    column: list[int] = field(default_factory=list[int])
    start: list[int] = field(default_factory=list[int])
    length: list[int] = field(default_factory=list[int])
    missing: list[int] = field(default_factory=list[int])
    members: list[int] = field(default_factory=list[int])
    sets: list[npt.NDArray[np.uint8]] = field(default_factory=list[npt.NDArray[np.uint8]])
    set_bytes: int = 0


@dataclass
class _GroupLists:
    first_condition: list[int] = field(default_factory=lambda: [0])
    first_feature: list[int] = field(default_factory=lambda: [0])
    feature: list[int] = field(default_factory=list[int])
    first_entry: list[int] = field(default_factory=lambda: [0])
    first_leaf: list[int] = field(default_factory=lambda: [0])
    leaf_value: list[float] = field(default_factory=list[float])
    first_slot: list[int] = field(default_factory=lambda: [0])
    slot: list[int] = field(default_factory=list[int])
    share: list[float] = field(default_factory=list[float])
    care: list[int] = field(default_factory=list[int])
    want: list[int] = field(default_factory=list[int])


@dataclass
class _DeepLists:
    value: list[float] = field(default_factory=list[float])
    first_feature: list[int] = field(default_factory=lambda: [0])
    feature: list[int] = field(default_factory=list[int])
    share: list[float] = field(default_factory=list[float])
    first_condition: list[int] = field(default_factory=lambda: [0])


def plan(trees: Sequence[Tree], max_bits: int = MAX_BITS) -> Plan:
    """Lay a model out.

    Args:
        trees: in the order in which their contributions are summed.
        max_bits: no table has more than 2^max_bits patterns.

    Raises:
        TooManyThresholds: a feature cannot be coded in 16 bits.
    """
    layout = _columns(trees)
    groups, group_conditions = _GroupLists(), _ConditionLists()
    deep, deep_conditions = _DeepLists(), _ConditionLists()
    for tree in trees:
        if len(tree.feature):
            ways = _Ways(tree, layout)
            for root in _choose(ways, max_bits):
                if _is_deep(ways, root, max_bits):
                    _add_deep_leaf(deep, deep_conditions, ways, root)
                else:
                    _add_group(groups, group_conditions, ways, root)
    return Plan(
        _columns_array(layout), _arrays(Groups, groups), _condition_arrays(group_conditions),
        _arrays(DeepLeaves, deep), _condition_arrays(deep_conditions),
    )  # fmt: skip


class _Ways:
    """A tree with what lies above and below each node, as sets of bits where only the number or the union counts."""

    def __init__(self, tree: Tree, layout: _Layout) -> None:
        self.tree, self.layout = tree, layout
        self.parent: dict[int, int] = {}
        self.order: list[int] = []
        self.columns_above: dict[int, int] = {0: 0}
        self.features_above: dict[int, int] = {0: 0}
        self.column = [layout.number[int(tree.feature[s]), tree.kind(s)] for s in range(len(tree.feature))]
        self.children = list(zip(tree.left.tolist(), tree.right.tolist(), strict=True))
        self.features = tree.feature.tolist()
        waiting = [0]
        while waiting:
            node = waiting.pop()
            self.order.append(node)
            if node < 0:
                continue
            for child in self.children[node]:
                self.parent[child] = node
                self.columns_above[child] = self.columns_above[node] | 1 << self.column[node]
                self.features_above[child] = self.features_above[node] | 1 << self.features[node]
                waiting.append(child)

    def path(self, node: int, top: int = 0) -> list[tuple[int, bool, float]]:
        """The splits from `top` to a node: each with whether the way goes left, and the share of rows that goes it."""
        steps: list[tuple[int, bool, float]] = []
        while node != top:
            split = self.parent[node]
            share = self.tree.rows(node) / self.tree.rows(split)
            steps.append((split, self.children[split][0] == node, share))
            node = split
        return steps[::-1]

    def below(self, root: int) -> tuple[list[int], list[int]]:
        """The splits and leaves of the part that begins at a node."""
        splits: list[int] = []
        leaves: list[int] = []
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node < 0:
                leaves.append(node)
            else:
                splits.append(node)
                waiting.extend(self.children[node])
        return splits, leaves

    def condition(self, split: int, left: bool) -> _Condition:
        """What takes a row left or right at a split."""
        edges = self.layout.edges[self.column[split]]
        if self.tree.is_categorical(split):
            members = np.zeros(len(edges) + 1, dtype=np.bool_)  # the last code is that of all other values
            members[np.searchsorted(edges, self.tree.categories_left[split])] = True
            return members if left else np.logical_not(members)
        edge = int(np.searchsorted(edges, float(self.tree.threshold[split])))
        missing = self.tree.missing_goes_left(split) == left
        return _Interval(0, edge, missing) if left else _Interval(edge + 1, len(edges), missing)


def _columns(trees: Iterable[Tree]) -> _Layout:
    edges: dict[tuple[int, int], list[Any]] = {}
    for tree in trees:
        for split in range(len(tree.feature)):
            of_column = edges.setdefault((int(tree.feature[split]), tree.kind(split)), [])
            of_column.append(
                tree.categories_left[split] if tree.is_categorical(split) else tree.threshold[split : split + 1]
            )
    layout = _Layout({}, [], [], [])
    for feature, kind in sorted(edges):
        distinct = np.unique(np.concatenate(edges[feature, kind])).astype(np.float64)
        if len(distinct) > MAX_EDGES:
            raise TooManyThresholds(f"feature {feature} has {len(distinct):,} thresholds; {MAX_EDGES:,} are the most")
        layout.number[feature, kind] = len(layout.edges)
        layout.edges.append(distinct)
        layout.features.append(feature)
        layout.kinds.append(kind)
    return layout


def _columns_array(layout: _Layout) -> Columns:
    sizes = [0, *(len(edges) for edges in layout.edges)]
    return Columns(
        np.array(layout.features, dtype=np.int64),
        np.array(layout.kinds, dtype=np.int64),
        np.cumsum(sizes),
        np.concatenate([np.zeros(0), *layout.edges]),
    )


def _choose(ways: _Ways, max_bits: int) -> list[int]:
    """The roots of the cheapest groups that cover a tree."""
    cost: dict[int, float] = {}
    features_below: dict[int, int] = {}
    splits_below: dict[int, int] = {}
    whole: dict[int, bool] = {}
    for node in reversed(ways.order):
        if node < 0:
            features_below[node], splits_below[node] = 0, 0
            apart = _cost_of_deep_leaf(ways.features_above[node].bit_count())
        else:
            left, right = ways.children[node]
            features_below[node] = features_below[left] | features_below[right] | 1 << ways.features[node]
            splits_below[node] = splits_below[left] + splits_below[right] + 1
            apart = cost[left] + cost[right]
        bits = ways.columns_above[node].bit_count() + splits_below[node]
        features = (ways.features_above[node] | features_below[node]).bit_count()
        together = _cost_of_group(bits, features) if bits <= max_bits else float("inf")
        whole[node] = node < 0 or together <= apart
        cost[node] = together if together <= apart else apart
    roots: list[int] = []
    waiting = [0]
    while waiting:
        node = waiting.pop()
        if whole[node]:
            roots.append(node)
        else:
            waiting.extend(reversed(ways.children[node]))
    return roots


def _is_deep(ways: _Ways, root: int, max_bits: int) -> bool:
    """Whether a leaf that shares with no other is cheaper, or only possible, without a table."""
    if root >= 0:
        return False
    bits, features = ways.columns_above[root].bit_count(), ways.features_above[root].bit_count()
    return bits > max_bits or _cost_of_deep_leaf(features) < _cost_of_group(bits, features)


def _cost_of_group(bits: int, features: int) -> float:
    """Nanoseconds for a block of rows."""
    return BLOCK_ROWS * (LOOK_UP * features + CONDITION * bits) + ENTRY * features * 2**bits


def _cost_of_deep_leaf(features: int) -> float:
    """Nanoseconds for a block of rows."""
    return BLOCK_ROWS * features * ((features + 1) // 2) * QUADRATURE


def _add_group(groups: _GroupLists, conditions: _ConditionLists, ways: _Ways, root: int) -> None:
    above = ways.path(root)
    care: dict[int, int] = {}  # per feature above the group: the bits of its conditions
    shares: dict[int, float] = {}
    for split, _, share in above:
        shares[ways.features[split]] = shares.get(ways.features[split], 1.0) * share
    bit = 0
    for column, condition in _merged(ways, above).items():
        feature = ways.layout.features[column]
        care[feature] = care.get(feature, 0) | 1 << bit
        _add_condition(conditions, column, condition)
        bit += 1
    splits, leaves = ways.below(root)
    bit_of: dict[int, int] = {}
    for split in splits:
        bit_of[split] = 1 << bit
        _add_condition(conditions, ways.column[split], ways.condition(split, left=True))
        bit += 1
    features = sorted({*care, *(ways.features[split] for split in splits)})
    slots = {feature: slot for slot, feature in enumerate(features)}
    for leaf in leaves:
        _add_leaf(groups, ways, root, leaf, slots, care, shares, bit_of)
    groups.feature.extend(features)
    groups.first_feature.append(len(groups.feature))
    groups.first_condition.append(len(conditions.column))
    groups.first_entry.append(groups.first_entry[-1] + (len(features) << bit))
    groups.first_leaf.append(len(groups.leaf_value))


def _add_leaf(
    groups: _GroupLists,
    ways: _Ways,
    root: int,
    leaf: int,
    slots: dict[int, int],
    care_above: dict[int, int],
    shares_above: dict[int, float],
    bit_of: dict[int, int],
) -> None:
    care, shares = dict(care_above), dict(shares_above)
    want = dict(care_above)
    for split, left, share in ways.path(leaf, root):
        feature = ways.features[split]
        care[feature] = care.get(feature, 0) | bit_of[split]
        want[feature] = want.get(feature, 0) | (bit_of[split] if left else 0)
        shares[feature] = shares.get(feature, 1.0) * share
    groups.leaf_value.append(float(ways.tree.leaf_value[~leaf]))
    for feature, bits in care.items():
        groups.slot.append(slots[feature])
        groups.share.append(shares[feature])
        groups.care.append(bits)
        groups.want.append(want[feature])
    groups.first_slot.append(len(groups.slot))


def _add_deep_leaf(deep: _DeepLists, conditions: _ConditionLists, ways: _Ways, leaf: int) -> None:
    path = ways.path(leaf)
    shares: dict[int, float] = {}
    for split, _, share in path:
        shares[ways.features[split]] = shares.get(ways.features[split], 1.0) * share
    merged = _merged(ways, path)
    deep.value.append(float(ways.tree.leaf_value[~leaf]))
    for feature, share in shares.items():
        deep.feature.append(feature)
        deep.share.append(share)
        for column, condition in merged.items():
            if ways.layout.features[column] == feature:
                _add_condition(conditions, column, condition)
        deep.first_condition.append(len(conditions.column))
    deep.first_feature.append(len(deep.feature))


def _merged(ways: _Ways, path: Iterable[tuple[int, bool, float]]) -> dict[int, _Condition]:
    """All conditions of a path, those of one column as one."""
    merged: dict[int, _Condition] = {}
    for split, left, _ in path:
        column, condition = ways.column[split], ways.condition(split, left)
        merged[column] = _both(merged[column], condition) if column in merged else condition
    return merged


def _both(one: _Condition, other: _Condition) -> _Condition:
    if isinstance(one, _Interval) and isinstance(other, _Interval):
        return _Interval(max(one.low, other.low), min(one.high, other.high), one.missing and other.missing)
    return np.logical_and(cast(Bools, one), cast(Bools, other))  # conditions of one column are of one sort


def _add_condition(lists: _ConditionLists, column: int, condition: _Condition) -> None:
    lists.column.append(column)
    if isinstance(condition, _Interval):
        some = condition.low <= condition.high
        lists.start.append(condition.low if some else NEVER)
        lists.length.append(condition.high - condition.low if some else 0)
        lists.missing.append(MISSING if condition.missing else NEVER)
        lists.members.append(-1)
    else:
        lists.start.append(NEVER)
        lists.length.append(0)
        lists.missing.append(NEVER)
        lists.members.append(lists.set_bytes)
        lists.sets.append(condition.astype(np.uint8))
        lists.set_bytes += len(condition)


def _condition_arrays(lists: _ConditionLists) -> Conditions:
    return Conditions(
        np.array(lists.column, dtype=np.int64),
        np.array(lists.start, dtype=np.uint16),
        np.array(lists.length, dtype=np.uint16),
        np.array(lists.missing, dtype=np.uint16),
        np.array(lists.members, dtype=np.int64),
        np.concatenate([np.zeros(0, dtype=np.uint8), *lists.sets]),
    )


def _arrays(kind: Any, lists: _GroupLists | _DeepLists) -> Any:
    """Lists of a record as arrays: floats where the record says so."""
    floats = ("leaf_value", "share", "value")
    return kind(
        *(np.array(getattr(lists, name), dtype=np.float64 if name in floats else np.int64) for name in kind._fields)
    )
