"""Precision and recall over pairs, from a contingency table: no pair is ever looked at."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Agreement:
    precision: float
    recall: float
    predicted_pairs: int
    true_pairs: int


def pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def agreement(predicted: Mapping[Hashable, Hashable], true: Mapping[Hashable, set[str]]) -> Agreement:
    """How well clusters match the truth, over the items of `true`.

    Args:
        predicted: cluster by item; an item without one stands alone.
        true: the groups of each item. An item of several groups (a shared device) counts as one of the group that most
            of its cluster belongs to: it is right with any of them.
    """
    cluster = {item: predicted.get(item, ("alone", item)) for item in true}
    cells = Counter((cluster[item], next(iter(groups))) for item, groups in true.items() if len(groups) == 1)
    group = {
        item: max(sorted(groups), key=lambda candidate: cells[cluster[item], candidate])
        for item, groups in true.items()
    }
    together = pairs(Counter((cluster[item], group[item]) for item in true).values())
    predicted_pairs = pairs(Counter(cluster.values()).values())
    true_pairs = pairs(Counter(group.values()).values())
    return Agreement(together / predicted_pairs, together / true_pairs, predicted_pairs, true_pairs)
