"""Whose event it is and since when, found by letting the links arrive one after the other (Kruskal, union-find).

Independent of the SQL, which spreads times along edges until nothing improves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5
from itertools import groupby

Edge = tuple[str, str, datetime]


@dataclass
class Tree:
    nodes: list[str]
    evidence: list[tuple[int, str]] = field(default_factory=list)  # (priority of the rule, organisation), as it arrived


@dataclass(frozen=True)
class Arrival:
    """An organisation that a node was first tied to at `at`, by a rule of this priority."""

    at: datetime
    priority: int
    organisation: str


@dataclass(frozen=True)
class Components:
    """Per node: the id of its final component's oldest node, and when the node was first tied to that one."""

    anchor: Mapping[str, str]
    since: Mapping[str, datetime]


def stable_id(prefix: str, text: str) -> str:
    return f"{prefix}_{md5(text.encode()).hexdigest()[:16]}"  # noqa: S324 - the project's id, no secret


def components(first_seen: Mapping[str, datetime], edges: Iterable[Edge]) -> Components:
    ordered = sorted(edges, key=lambda edge: edge[2])
    final = {node: {node} for node in first_seen}
    for left, right, _ in ordered:
        if final[left] is not final[right]:
            joined = final[left] | final[right]
            final.update(dict.fromkeys(joined, joined))
    anchor = {node: min(final[node], key=lambda member: (first_seen[member], member)) for node in final}

    tree_of = {node: Tree([node]) for node in first_seen}
    since = {node: first_seen[node] for node in first_seen if anchor[node] == node}
    for left, right, moment in ordered:
        tree, other = tree_of[left], tree_of[right]
        if tree is other:
            continue
        goal = anchor[left]
        if tree_of[goal] in (tree, other):
            stranger = other if tree_of[goal] is tree else tree
            since.update(dict.fromkeys(stranger.nodes, max(moment, first_seen[goal])))
        tree.nodes += other.nodes
        tree_of.update(dict.fromkeys(other.nodes, tree))
    return Components(anchor, since)


def arrivals(
    nodes: Iterable[str], edges: Iterable[Edge], evidence: Iterable[tuple[str, int, str, datetime]]
) -> dict[str, list[Arrival]]:
    """Per node: every (rule, organisation) that it was ever tied to, in order of time."""
    tree_of = {node: Tree([node]) for node in nodes}
    found: dict[str, dict[tuple[int, str], datetime]] = {node: {} for node in tree_of}

    def tell(listeners: list[str], news: list[tuple[int, str]], moment: datetime) -> None:
        for node in listeners:
            for fact in news:
                found[node].setdefault(fact, moment)

    facts = [(moment, left, right, None) for left, right, moment in edges]
    facts += [(moment, node, organisation, priority) for node, priority, organisation, moment in evidence]
    for moment, left, right, priority in sorted(facts, key=lambda fact: fact[0]):
        tree = tree_of[left]
        if priority is not None:
            tell(tree.nodes, [(priority, right)], moment)
            tree.evidence.append((priority, right))
            continue
        other = tree_of[right]
        if other is tree:
            continue
        tell(tree.nodes, other.evidence, moment)
        tell(other.nodes, tree.evidence, moment)
        tree.nodes += other.nodes
        tree.evidence += other.evidence
        tree_of.update(dict.fromkeys(other.nodes, tree))
    return {
        node: sorted(
            (Arrival(moment, priority, organisation) for (priority, organisation), moment in facts.items()),
            key=lambda arrival: arrival.at,
        )
        for node, facts in found.items()
    }


def decisions(arrived: list[Arrival]) -> list[tuple[datetime, str]]:
    """(since, organisation): the strongest rule decides, within it the newest evidence."""
    spans: list[tuple[datetime, str]] = []
    known: list[Arrival] = []
    for moment, news in groupby(arrived, key=lambda arrival: arrival.at):
        known += news
        newest_first = sorted(known, key=lambda arrival: arrival.organisation)
        newest_first.sort(key=lambda arrival: arrival.at, reverse=True)
        organisation = min(newest_first, key=lambda arrival: arrival.priority).organisation
        if not spans or spans[-1][1] != organisation:
            spans.append((moment, organisation))
    return spans


@dataclass(frozen=True)
class Identity:
    """What identity resolution knows: everything that attribution reads."""

    persons: Components
    organisations: Components
    companies_of: Mapping[str, list[tuple[datetime, str]]]
    individual_since: Mapping[
        str, datetime
    ]  # by person's anchor; absent for anonymous visitors and for members from the start


def resolve(
    person_first_seen: Mapping[str, datetime],
    identity_edges: list[Edge],
    evidence: list[tuple[str, int, str, datetime]],
    organisation_first_seen: Mapping[str, datetime],
    organisation_edges: list[Edge],
) -> Identity:
    persons = components(person_first_seen, identity_edges)
    companies_of = {
        node: decisions(arrived) for node, arrived in arrivals(person_first_seen, identity_edges, evidence).items()
    }
    known_since: dict[str, datetime] = {}
    for node, since in persons.since.items():
        if not node.startswith("anonymous_id:"):
            anchor = persons.anchor[node]
            known_since[anchor] = min(since, known_since.get(anchor, since))
    individual_since = {
        anchor: known
        for anchor, known in known_since.items()
        if not companies_of[anchor] or companies_of[anchor][0][0] > known
    }
    return Identity(persons, components(organisation_first_seen, organisation_edges), companies_of, individual_since)


def attribute(
    identity: Identity, node: str | None, organisation: str | None, moment: datetime
) -> set[tuple[str, str | None, datetime]]:
    """(account, person, known since) of a fact that names a person's identifier, an organisation, or both."""
    persons, organisations = identity.persons, identity.organisations
    anchor = persons.anchor.get(node) if node else None
    person = stable_id("per", anchor) if anchor else None
    if organisation is not None:
        account = stable_id("acc", organisations.anchor[organisation])
        return {(account, person, max(moment, organisations.since[organisation]))}
    if anchor is None or person is None or node is None:
        return set()
    found: set[tuple[str, str | None, datetime]] = set()
    spans = identity.companies_of[node]
    if spans:
        decided, company = next((span for span in reversed(spans) if span[0] <= moment), spans[0])
        account = stable_id("acc", organisations.anchor[company])
        found.add((account, person, max(moment, decided, organisations.since[company])))
    told = max(moment, persons.since[node])
    if anchor in identity.individual_since and (not spans or spans[0][0] > told):
        found.add((stable_id("ind", person), person, max(told, identity.individual_since[anchor])))
    return found
