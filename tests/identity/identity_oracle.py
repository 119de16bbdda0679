"""Who is who, read from single observations at one moment: a plain reading of the rules, quadratic and without any SQL.

Nothing here looks at spans of time: the graph is built anew from what was known at the moment.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import md5
from itertools import combinations

Node = str


@dataclass(frozen=True)
class Rule:
    priority: int
    limit_per_identifier: int | None = None
    limit_per_person: int | None = None
    limit_days: int | None = None


@dataclass(frozen=True)
class Observation:
    """What one record shows: an identifier by type, and for an alias the id it gives as the previous one."""

    identifiers: tuple[tuple[str, str], ...]
    available_at: datetime
    previous_id: str | None = None

    def nodes(self) -> list[Node]:
        return [f"{kind}:{value}" for kind, value in self.identifiers]


@dataclass(frozen=True)
class Identity:
    person_of: Mapping[Node, str]  # of every identifier that is not cut
    cut: Collection[Node]


def stable_id(prefix: str, text: str) -> str:
    return f"{prefix}_{md5(text.encode()).hexdigest()[:16]}"  # noqa: S324 - the project's id, no secret


def resolve(
    observations: Iterable[Observation],
    rules: Mapping[str, Rule],
    apart: Collection[tuple[Node, Node]],
    moment: datetime,
) -> Identity:
    known = [observation for observation in observations if observation.available_at <= moment]
    first_seen: dict[Node, datetime] = {}
    for observation in known:
        for node in observation.nodes():
            first_seen[node] = min(observation.available_at, first_seen.get(node, observation.available_at))
    records = [_strongest_first(observation, rules, first_seen) for observation in known]
    since = [observation.available_at for observation in known]

    cut = _overused(records, since, first_seen, rules)
    for priority in sorted({rule.priority for rule in rules.values()}):
        groups = _groups(records, cut, apart, [node for node in first_seen if _priority(node, rules) < priority])
        cut |= {
            node
            for node in first_seen
            if _priority(node, rules) == priority and _joins_too_many(node, records, cut, apart, groups, rules)
        }
    groups = _groups(records, cut, apart, [node for node in first_seen if node not in cut])
    oldest: dict[int, Node] = {}
    for node in sorted(groups, key=lambda member: (first_seen[member], member)):
        oldest.setdefault(groups[node], node)
    return Identity({node: stable_id("per", oldest[group]) for node, group in groups.items()}, cut)


def _priority(node: Node, rules: Mapping[str, Rule]) -> int:
    return rules[node.split(":", 1)[0]].priority


def _strongest_first(
    observation: Observation, rules: Mapping[str, Rule], first_seen: Mapping[Node, datetime]
) -> list[Node]:
    nodes = sorted(observation.nodes(), key=lambda node: _priority(node, rules))
    previous = f"user_id:{observation.previous_id}"
    if observation.previous_id is not None and previous in first_seen and previous not in nodes:
        # A user id's former self stands behind it, before anything weaker.
        users = [node for node in nodes if node.startswith("user_id:")]
        nodes = users + [previous] + [node for node in nodes if node not in users]
    return nodes


def _overused(
    records: list[list[Node]], since: list[datetime], first_seen: Mapping[Node, datetime], rules: Mapping[str, Rule]
) -> set[Node]:
    met: dict[tuple[Node, str], dict[Node, datetime]] = defaultdict(dict)
    for nodes, moment in zip(records, since, strict=True):
        for node, other in combinations(nodes, 2):
            both_known = max(moment, first_seen[node], first_seen[other])
            of_type = met[node, other.split(":", 1)[0]]
            of_type[other] = min(both_known, of_type.get(other, both_known))
    found: set[Node] = set()
    for (node, kind), others in met.items():
        limit, days = rules[kind].limit_per_person, rules[kind].limit_days
        if limit is None:
            continue
        moments = sorted(others.values())
        window = timedelta(days=days) if days is not None else timedelta.max
        if any(moments[i + limit] - moments[i] < window for i in range(len(moments) - limit)):
            found.add(node)
    return found


def _hub(nodes: list[Node], cut: Collection[Node]) -> Node | None:
    return next((node for node in nodes if node not in cut), None)


def _are_apart(one: Node, other: Node, apart: Collection[tuple[Node, Node]]) -> bool:
    return (one, other) in apart or (other, one) in apart


def _groups(
    records: list[list[Node]], cut: Collection[Node], apart: Collection[tuple[Node, Node]], nodes: Collection[Node]
) -> dict[Node, int]:
    group = {node: number for number, node in enumerate(nodes) if node not in cut}
    for record in records:
        hub = _hub(record, cut)
        for node in record:
            if hub in group and node in group and node != hub and not _are_apart(node, hub, apart):
                merged, kept = group[node], group[hub]
                group = {member: kept if number == merged else number for member, number in group.items()}
    return group


def _joins_too_many(
    node: Node,
    records: list[list[Node]],
    cut: Collection[Node],
    apart: Collection[tuple[Node, Node]],
    groups: Mapping[Node, int],
    rules: Mapping[str, Rule],
) -> bool:
    limit = rules[node.split(":", 1)[0]].limit_per_identifier
    hubs = {_hub(record, cut) for record in records if node in record and node not in cut}
    people = {groups[hub] for hub in hubs if hub in groups and not _are_apart(node, hub, apart)}
    return limit is not None and len(people) > limit
