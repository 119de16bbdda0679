"""The rung that needs no labels: points by `scoring_rules.csv`, capped per group. The margin is the points."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from ml import arrow
from ml.arrow import Bools, Floats, Schema, Table
from ml.dataset import OTHER, Encoding, Feature, build_dataset, column_feature, read_polarity, signal_feature
from ml.explain import Explanation
from ml.ranges import bound, within
from ml.scale import ScoreScale

RULE_POINTS: Schema = {
    "run_id": "text",
    "account_id": "text",
    "rule_group": "text",
    "points": "float",
    "cap": "float",
}


class UnusableRule(ValueError):  # noqa: N818 - the name says what is wrong
    """A scoring rule names a signal or metric that does not exist, or contradicts another rule of its group."""


@dataclass(frozen=True)
class Rule:
    """`points` for an account whose `metric` of `signal` is at least `at_least` and below `below` (None: no bound).

    Where `one_of` names words the metric is a text, and has to be one of them.
    """

    group: str
    cap: float
    signal: str
    metric: str
    at_least: float | None
    below: float | None
    points: float
    one_of: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """The name of the metric that the rule reads."""
        return f"{self.signal}__{self.metric}"

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features that the rule reads: the metric itself, or one for each of its words."""
        return tuple(f"{self.column}={word}" for word in self.one_of) or (self.column,)


def read_rules(scoring_rules: Table) -> tuple[Rule, ...]:
    """The seed's rows: rule_group, cap, signal, metric, from, below, one_of, points.

    Raises:
        UnusableRule: the rows of one group give different caps, or a cap or points are empty.
    """
    columns = ["rule_group", "cap", "signal", "metric", "from", "below", "one_of", "points"]
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
    rules = tuple(rules)
    found: dict[str, Feature] = {}
    for rule in rules:
        if rule.one_of and rule.column in examples.column_names:
            words = sorted({word for other in rules if other.column == rule.column for word in other.one_of})
            for name, word in zip(rule.features, rule.one_of, strict=True):
                found[name] = Feature(name, rule.signal, rule.metric, "examples", 0, word, (*words, OTHER))
        elif not rule.one_of and rule.column in examples.column_names:
            found[rule.column] = column_feature(rule.column, polarity)
        elif not rule.one_of and rule.metric in signal_metrics.column_names and rule.signal in polarity:
            found[rule.column] = signal_feature(rule.signal, rule.metric, polarity[rule.signal])
        else:
            raise UnusableRule(
                f"rule of group '{rule.group}': there is no metric '{rule.metric}' of a signal '{rule.signal}'"
            )
    return tuple(found[name] for name in sorted(found))


def explain_by_rules(rules: Iterable[Rule], encoding: Encoding, X: Floats) -> Explanation:
    """Points per feature, already shrunk to the caps, and their sum as the margin."""
    contributions = np.zeros((len(X), len(encoding)))
    for group in by_group(rules):
        contributions += group_points(group, encoding, X)
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


def points_by_group(scoring_rules: Table, examples: Table, signal_metrics: Table, signals: Table, run_id: str) -> Table:
    """`RULE_POINTS`: what every account gets from each group of rules, 0 too, so that a sum is its points.

    Raises:
        UnusableRule: the rules contradict each other, or one reads a metric that does not exist.
    """
    rules = read_rules(scoring_rules)
    encoding = rules_encoding(rules, examples, signal_metrics, signals)
    dataset = build_dataset(examples, signal_metrics, signals, encoding)
    rows = len(dataset.account_ids)
    tables = [
        arrow.build(
            RULE_POINTS,
            {
                "run_id": [run_id] * rows,
                "account_id": dataset.account_ids,
                "rule_group": [group[0].group] * rows,
                "points": group_points(group, encoding, dataset.X).sum(axis=1),
                "cap": [group[0].cap] * rows,
            },
        )
        for group in by_group(rules)
    ]
    return arrow.concat([arrow.build_rows(RULE_POINTS, []), *tables])


def rules_scale(rules: Iterable[Rule]) -> ScoreScale:
    """100 for an account that reaches every cap; 0 points per point when there is nothing to reach."""
    reachable = sum(max(group[0].cap, 0.0) for group in by_group(rules))
    return ScoreScale(0.0, 100.0 / reachable if reachable > 0 else 0.0)


def rules_to_json(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """For the manifest."""
    return [asdict(rule) for rule in rules]


def rules_from_json(rows: Iterable[dict[str, Any]]) -> tuple[Rule, ...]:
    """The rules of a manifest; one written before rules could name words has none."""
    known = [field.name for field in fields(Rule) if field.name != "one_of"]
    return tuple(Rule(**{name: row[name] for name in known}, one_of=tuple(row.get("one_of", ()))) for row in rows)


def group_points(group: Sequence[Rule], encoding: Encoding, X: Floats) -> Floats:
    """The group's points per feature; above the cap, each is shrunk by the same factor, so the total is the cap."""
    points = np.zeros((len(X), len(encoding)))
    for rule in group:
        for column, holds in _where_it_holds(rule, encoding, X):
            points[:, column] += np.where(holds, rule.points, 0.0)
    total = points.sum(axis=1)
    shrink = np.divide(group[0].cap, total, out=np.ones(len(X)), where=total > max(group[0].cap, 0.0))
    return points * shrink[:, None]


def holds(rule: Rule, encoding: Encoding, X: Floats) -> Bools:
    """The rows that the rule gives its points to."""
    return np.logical_or.reduce([found for _, found in _where_it_holds(rule, encoding, X)])


def by_group(rules: Iterable[Rule]) -> list[list[Rule]]:
    """The rules of each group, groups in the order of their names."""
    groups: dict[str, list[Rule]] = {}
    for rule in rules:
        groups.setdefault(rule.group, []).append(rule)
    return [groups[name] for name in sorted(groups)]


def _where_it_holds(rule: Rule, encoding: Encoding, X: Floats) -> Iterator[tuple[int, Bools]]:
    """Each column that the rule reads, with the rows on which it holds there."""
    columns = {feature.name: j for j, feature in enumerate(encoding)}
    for name in rule.features:
        value = X[:, columns[name]]
        yield columns[name], value == 1 if rule.one_of else within(value, rule.at_least, rule.below)


def _read_rule(row: dict[str, Any]) -> Rule:
    if row["cap"] is None or row["points"] is None:
        raise UnusableRule(f"rule of group '{row['rule_group']}' on {row['signal']} has no cap or no points")
    return Rule(
        group=str(row["rule_group"]),
        cap=float(row["cap"]),
        signal=str(row["signal"]),
        metric=str(row["metric"]),
        at_least=bound(row["from"]),
        below=bound(row["below"]),
        points=float(row["points"]),
        one_of=tuple(str(row["one_of"]).split("|")) if row["one_of"] else (),
    )
