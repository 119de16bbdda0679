"""The rung that needs no labels: points by `scoring_rules.csv`, capped per group. The margin is the points."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml import arrow
from ml.arrow import Floats, Table
from ml.dataset import Encoding, Feature, build_dataset, column_feature, read_polarity, signal_feature
from ml.explain import Explanation
from ml.scale import ScoreScale


class UnusableRule(ValueError):  # noqa: N818 - the name says what is wrong
    """A scoring rule names a signal or metric that does not exist, or contradicts another rule of its group."""


@dataclass(frozen=True)
class Rule:
    """`points` for an account whose `metric` of `signal` is at least `at_least` and below `below` (None: no bound)."""

    group: str
    cap: float
    signal: str
    metric: str
    at_least: float | None
    below: float | None
    points: float

    @property
    def feature(self) -> str:
        """The name of the feature that the rule reads."""
        return f"{self.signal}__{self.metric}"


def read_rules(scoring_rules: Table) -> tuple[Rule, ...]:
    """The seed's rows: rule_group, cap, signal, metric, from, below, points.

    Raises:
        UnusableRule: the rows of one group give different caps, or a cap or points are empty.
    """
    columns = ["rule_group", "cap", "signal", "metric", "from", "below", "points"]
    rules = tuple(_read_rule(row) for row in arrow.rows(scoring_rules, columns))
    caps: dict[str, float] = {}
    for rule in rules:
        if caps.setdefault(rule.group, rule.cap) != rule.cap:
            raise UnusableRule(f"group '{rule.group}' has caps {caps[rule.group]:g} and {rule.cap:g}; keep one")
    return rules


def rules_encoding(rules: Iterable[Rule], examples: Table, signal_metrics: Table, signals: Table) -> Encoding:
    """The features that the rules read, by name: a column of the examples, else a measure of a signal.

    Raises:
        UnusableRule: there is neither.
    """
    polarity = read_polarity(signals)
    found: dict[str, Feature] = {}
    for rule in rules:
        if rule.feature in examples.column_names:
            found[rule.feature] = column_feature(rule.feature, polarity)
        elif rule.metric in signal_metrics.column_names and rule.signal in polarity:
            found[rule.feature] = signal_feature(rule.signal, rule.metric, polarity[rule.signal])
        else:
            raise UnusableRule(
                f"rule of group '{rule.group}': there is no metric '{rule.metric}' of a signal '{rule.signal}'"
            )
    return tuple(found[name] for name in sorted(found))


def explain_by_rules(rules: Iterable[Rule], encoding: Encoding, X: Floats) -> Explanation:
    """Points per feature, already shrunk to the caps, and their sum as the margin."""
    contributions = np.zeros((len(X), len(encoding)))
    for group in _by_group(rules):
        contributions += _group_points(group, encoding, X)
    return Explanation(contributions.sum(axis=1), 0.0, contributions)


def rule_points(scoring_rules: Table, examples: Table, signal_metrics: Table, signals: Table) -> Floats:
    """The points of every example, in the dataset's order: what the rules say beside the models.

    Raises:
        UnusableRule: the rules contradict each other, or one reads a metric that does not exist.
    """
    rules = read_rules(scoring_rules)
    encoding = rules_encoding(rules, examples, signal_metrics, signals)
    dataset = build_dataset(examples, signal_metrics, signals, encoding)
    return explain_by_rules(rules, encoding, dataset.X).margins


def rules_scale(rules: Iterable[Rule]) -> ScoreScale:
    """100 for an account that reaches every cap; 0 points per point when there is nothing to reach."""
    reachable = sum(max(group[0].cap, 0.0) for group in _by_group(rules))
    return ScoreScale(0.0, 100.0 / reachable if reachable > 0 else 0.0)


def rules_to_json(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """For the manifest."""
    return [asdict(rule) for rule in rules]


def _group_points(group: list[Rule], encoding: Encoding, X: Floats) -> Floats:
    """The group's points per feature; above the cap, each is shrunk by the same factor, so the total is the cap."""
    column = {feature.name: j for j, feature in enumerate(encoding)}
    points = np.zeros((len(X), len(encoding)))
    for rule in group:
        value = X[:, column[rule.feature]]
        holds = ~np.isnan(value)
        if rule.at_least is not None:
            holds &= value >= rule.at_least
        if rule.below is not None:
            holds &= value < rule.below
        points[:, column[rule.feature]] += np.where(holds, rule.points, 0.0)
    total = points.sum(axis=1)
    shrink = np.divide(group[0].cap, total, out=np.ones(len(X)), where=total > max(group[0].cap, 0.0))
    return points * shrink[:, None]


def _by_group(rules: Iterable[Rule]) -> list[list[Rule]]:
    groups: dict[str, list[Rule]] = {}
    for rule in rules:
        groups.setdefault(rule.group, []).append(rule)
    return [groups[name] for name in sorted(groups)]


def _read_rule(row: dict[str, Any]) -> Rule:
    if row["cap"] is None or row["points"] is None:
        raise UnusableRule(f"rule of group '{row['rule_group']}' on {row['signal']} has no cap or no points")
    return Rule(
        group=str(row["rule_group"]),
        cap=float(row["cap"]),
        signal=str(row["signal"]),
        metric=str(row["metric"]),
        at_least=_bound(row["from"]),
        below=_bound(row["below"]),
        points=float(row["points"]),
    )


def _bound(value: object) -> float | None:
    return None if value is None or value == "" else float(str(value))
