"""The measure itself, on cases small enough to count by hand."""

from itertools import combinations

import pytest
from pairwise import Agreement, agreement, without_shared

ANNA, BORIS = {"anna"}, {"boris"}
TRUE = {"a1": ANNA, "a2": ANNA, "a3": ANNA, "b1": BORIS, "b2": BORIS}
RIGHT = {"a1": 1, "a2": 1, "a3": 1, "b1": 2, "b2": 2}


def test_the_truth_agrees_with_itself() -> None:
    assert agreement(RIGHT, TRUE) == Agreement(1.0, 1.0, 4, 4)


def test_what_stands_alone_costs_recall() -> None:
    assert agreement({"a1": 1, "a2": 1, "b1": 2, "b2": 2}, TRUE) == Agreement(1.0, 2 / 4, 2, 4)


def test_a_wrong_merge_costs_precision() -> None:
    assert agreement(dict.fromkeys(TRUE, 1), TRUE) == Agreement(4 / 10, 1.0, 10, 4)


def test_a_shared_item_that_stands_alone_is_neither_right_nor_wrong() -> None:
    true = TRUE | {"kiosk": {"anna", "boris", "carla"}}
    assert agreement(RIGHT, true) == agreement(RIGHT, TRUE)


def test_a_shared_item_is_right_with_any_of_its_people() -> None:
    true = TRUE | {"kiosk": {"anna", "boris"}}
    assert agreement(RIGHT | {"kiosk": 1}, true) == Agreement(1.0, 1.0, 7, 7)
    assert agreement(RIGHT | {"kiosk": 2}, true) == Agreement(1.0, 1.0, 6, 6)


def test_a_shared_item_that_joins_its_people_costs_precision() -> None:
    true = TRUE | {"kiosk": {"anna", "boris"}}
    measured = agreement(dict.fromkeys(true, 1), true)
    assert measured == Agreement((6 + 1) / 15, 1.0, 15, 7)
    assert agreement(dict.fromkeys(true, 1), without_shared(true)) == Agreement(4 / 10, 1.0, 10, 4)


def test_a_shared_item_among_strangers_costs_precision_and_recall() -> None:
    true = TRUE | {"kiosk": {"anna", "carla"}}
    assert agreement(RIGHT | {"kiosk": 2}, true) == Agreement(4 / 6, 4 / 7, 6, 7)


def test_two_shared_items_of_the_same_people_are_a_pair() -> None:
    true = {"desk": {"anna", "boris"}, "login": {"boris", "carla"}}
    assert agreement({"desk": 1, "login": 1}, true) == Agreement(1.0, 1.0, 1, 1)


@pytest.mark.parametrize("clusters", [2, 3, 5])
def test_equals_looking_at_every_pair(clusters: int) -> None:
    """Where no item is shared, against the definition."""
    true = {item: {f"group-{item * 7 % 4}"} for item in range(24)}
    predicted = {item: item * item % clusters for item in range(24)}
    joined = [pair for pair in combinations(true, 2) if predicted[pair[0]] == predicted[pair[1]]]
    belonging = [pair for pair in combinations(true, 2) if true[pair[0]] == true[pair[1]]]
    both = set(joined) & set(belonging)
    expected = Agreement(len(both) / len(joined), len(both) / len(belonging), len(joined), len(belonging))
    assert agreement(predicted, true) == expected
