"""Precision and recall over pairs, from a contingency table: no pair is ever looked at."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

Truth = Mapping[Hashable, set[str]]


@dataclass(frozen=True)
class Agreement:
    precision: float
    recall: float
    predicted_pairs: int
    true_pairs: int


def pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def agreement(predicted: Mapping[Hashable, Hashable], true: Truth) -> Agreement:
    """How well clusters match the truth, over the items of `true`.

    Args:
        predicted: cluster by item; an item without one stands alone.
        true: the groups of each item. An item of several groups (a shared device) that stands alone is neither right
            nor wrong, for no single cluster is the right one: it is left out. One that was merged counts as one of the
            group that most of its cluster belongs to: right with any of them, wrong with everybody else there.
    """
    cluster = {item: predicted.get(item, ("alone", item)) for item in true}
    sizes = Counter(cluster.values())
    counted = {item: groups for item, groups in true.items() if len(groups) == 1 or sizes[cluster[item]] > 1}
    group = _groups_that_fit(cluster, counted)
    together = pairs(Counter((cluster[item], group[item]) for item in counted).values())
    predicted_pairs = pairs(Counter(cluster[item] for item in counted).values())
    true_pairs = pairs(Counter(group.values()).values())
    return Agreement(together / predicted_pairs, together / true_pairs, predicted_pairs, true_pairs)


def without_shared(true: Truth) -> Truth:
    """Only the items of one group. Those who were merged through a shared one are still among them."""
    return {item: groups for item, groups in true.items() if len(groups) == 1}


def _groups_that_fit(cluster: Mapping[Hashable, Hashable], true: Truth) -> dict[Hashable, str]:
    """The group that each item counts as: its own, or of several the one with most items in its cluster.

    Items of one group decide. Where they are even, those of several groups do, so that two devices that the same people
    share count as a pair.
    """
    sure = Counter((cluster[item], next(iter(groups))) for item, groups in true.items() if len(groups) == 1)
    possible = Counter((cluster[item], group) for item, groups in true.items() for group in groups)
    return {
        item: max(sorted(groups), key=lambda group: (sure[cluster[item], group], possible[cluster[item], group]))
        for item, groups in true.items()
    }
