"""The trees of a LightGBM model, read from its own text: there every number round-trips exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.arrow import Floats, Integers
from ml.tree_shap_kernels import CATEGORIES

CATEGORICAL, DEFAULT_LEFT = 1, 2  # bits of decision_type; the two above them say how values go missing


class NotExplainable(ValueError):  # noqa: N818 - the name says what is wrong
    """A model of a kind whose contributions are not a sum over leaf values."""


@dataclass(frozen=True)
class Tree:
    """One tree: `splits` and `leaves` numbered as LightGBM does; a child below 0 is the leaf `~child`.

    Per split: `feature`, `threshold`, `decision` (decision_type), `left`, `right`, `split_rows`, and for a categorical
    one the ascending categories that go left. Per leaf: `leaf_value` and `leaf_rows`. Rows are those of the training.
    """

    feature: Integers
    threshold: Floats
    decision: Integers
    left: Integers
    right: Integers
    split_rows: Integers
    leaf_value: Floats
    leaf_rows: Integers
    categories_left: Mapping[int, Integers]

    def rows(self, node: int) -> int:
        """Training rows that came through a split or leaf."""
        return int(self.leaf_rows[~node] if node < 0 else self.split_rows[node])

    def is_categorical(self, split: int) -> bool:
        """Whether a split asks for membership, not for order."""
        return bool(self.decision[split] & CATEGORICAL)

    def kind(self, split: int) -> int:
        """CATEGORIES, or which numbers count as missing: MISSING_NONE, MISSING_ZERO or MISSING_NAN."""
        return CATEGORIES if self.is_categorical(split) else int(self.decision[split] >> 2 & 3)

    def missing_goes_left(self, split: int) -> bool:
        """Where missing values go; a category that is missing goes right, always."""
        return not self.is_categorical(split) and bool(self.decision[split] & DEFAULT_LEFT)


def read_trees(model_text: str) -> tuple[int, tuple[Tree, ...]]:
    """The number of features and the trees. Of a random forest too: LightGBM's margin is the trees' sum there as well.

    Raises:
        NotExplainable: several outputs per row, linear leaves, or a split that no training row reached.
    """
    header, *sections = model_text.split("\nTree=")
    settings = _fields(header)
    if settings["num_tree_per_iteration"] != "1":
        raise NotExplainable("a model with several outputs per row")
    trees = tuple(_tree(_fields(section.split("\nend of trees")[0])) for section in sections)
    return int(settings["max_feature_idx"]) + 1, trees


def expected_value(tree: Tree) -> float:
    """Mean of a tree over its training rows, as LightGBM counts them."""
    if len(tree.leaf_value) == 1:
        return float(tree.leaf_value[0])
    return float((tree.leaf_rows / tree.split_rows[0] * tree.leaf_value).sum())


def _fields(section: str) -> dict[str, str]:
    lines = (line.partition("=") for line in section.splitlines())
    return {name: value for name, _, value in lines}


def _tree(fields: Mapping[str, str]) -> Tree:
    if fields["is_linear"] != "0":
        raise NotExplainable("linear trees: their leaves are functions of the row, not values")
    stump = fields["num_leaves"] == "1"
    decision = _numbers(fields, "decision_type", np.int64)
    threshold = _numbers(fields, "threshold", np.float64)
    tree = Tree(
        feature=_numbers(fields, "split_feature", np.int64),
        threshold=threshold,
        decision=decision,
        left=_numbers(fields, "left_child", np.int64),
        right=_numbers(fields, "right_child", np.int64),
        split_rows=_numbers(fields, "internal_count", np.int64),
        leaf_value=_numbers(fields, "leaf_value", np.float64),
        leaf_rows=np.ones(1, dtype=np.int64) if stump else _numbers(fields, "leaf_count", np.int64),
        categories_left=_categories(fields, threshold, decision),
    )
    if not (tree.split_rows > 0).all():
        raise NotExplainable("a split that no training row reached: the shares of its sides are unknown")
    return tree


def _numbers(fields: Mapping[str, str], name: str, kind: Any) -> Any:
    return np.array(fields.get(name, "").split(), dtype=kind)


def _categories(fields: Mapping[str, str], threshold: Floats, decision: Integers) -> dict[int, Integers]:
    """The categories that go left, by split: a set of bits in words of 32, lowest first."""
    splits = np.flatnonzero(decision & CATEGORICAL)
    if not len(splits):
        return {}
    bounds = _numbers(fields, "cat_boundaries", np.int64)
    words = _numbers(fields, "cat_threshold", np.uint32)
    found: dict[int, Integers] = {}
    for split in splits:
        of_split = int(threshold[split])
        word = words[bounds[of_split] : bounds[of_split + 1]]
        bits = np.unpackbits(word.astype("<u4").view(np.uint8), bitorder="little")
        found[int(split)] = np.flatnonzero(bits)
    return found
