"""Whose event it is and since when, found by letting the links arrive, and end, one after the other.

Independent of the SQL, which spreads spans of time along edges until nothing improves: here the graph of each moment is
built anew (Kruskal, union-find), and what it says is noted where it says something new.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5
from itertools import pairwise

Edge = tuple[str, str, datetime]
Tie = tuple[str, str, datetime, datetime]  # left, right, available, until
Evidence = tuple[str, int, str, datetime]  # node, priority of the rule, organisation, available
Cut = tuple[str, datetime, datetime]  # node, from, until

FOREVER = datetime(9999, 12, 31)  # noqa: DTZ001 - the warehouse keeps UTC without a zone
NEVER_BEFORE = datetime(1, 1, 1)  # noqa: DTZ001


@dataclass
class Tree:
    nodes: list[str]
    evidence: list[tuple[int, str]] = field(default_factory=list)  # (priority of the rule, organisation), as it arrived


@dataclass(frozen=True)
class Components:
    """Per node: the id of its final component's oldest node, and when the node was first tied to that one."""

    anchor: Mapping[str, str]
    since: Mapping[str, datetime]


@dataclass(frozen=True)
class Span:
    """What a node belongs to from `since` until `until`; facts known from `first_fact` on wait for it."""

    owner: str
    since: datetime
    until: datetime
    first_fact: datetime
    settled_from: datetime
    settled_since: datetime
    is_settled: bool


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


@dataclass(frozen=True)
class Neighbourhood:
    """Identifiers that some tie joins at some time, with everything known about them."""

    nodes: frozenset[str]
    ties: list[Tie]
    evidence: list[Evidence]
    cuts: list[Cut]


@dataclass(frozen=True)
class Known:
    """What is known of a node at one moment: its oldest companion, and the organisation chosen for it."""

    oldest: str
    organisation: str | None


def neighbourhoods(
    first_seen: Mapping[str, datetime], ties: list[Tie], evidence: list[Evidence], cuts: list[Cut]
) -> list[Neighbourhood]:
    anchor = components(first_seen, [tie[:3] for tie in ties]).anchor
    nodes, its_ties, its_evidence, its_cuts = (defaultdict(list) for _ in range(4))
    for node in first_seen:
        nodes[anchor[node]].append(node)
    for facts, of_facts in ((ties, its_ties), (evidence, its_evidence), (cuts, its_cuts)):
        for fact in facts:
            of_facts[anchor[fact[0]]].append(fact)
    return [Neighbourhood(frozenset(nodes[name]), its_ties[name], its_evidence[name], its_cuts[name]) for name in nodes]


def moments_of(here: Neighbourhood, first_seen: Mapping[str, datetime]) -> list[datetime]:
    found = {first_seen[node] for node in here.nodes} | {moment for tie in here.ties for moment in tie[2:]}
    found |= {fact[3] for fact in here.evidence} | {moment for cut in here.cuts for moment in cut[1:]}
    return sorted(found - {FOREVER})


def known_at(moment: datetime, here: Neighbourhood, first_seen: Mapping[str, datetime]) -> dict[str, Known]:
    """Every identifier that stands for somebody at a moment. Kruskal: ties and evidence arrive in order of time."""
    is_cut = {node for node, start, end in here.cuts if start <= moment < end}
    back_since = {node: end for node, _, end in sorted(here.cuts, key=lambda cut: cut[2]) if end <= moment}
    tree_of = {node: Tree([node]) for node in here.nodes if first_seen[node] <= moment and node not in is_cut}
    arrived: dict[str, dict[tuple[int, str], datetime]] = {node: {} for node in tree_of}

    def tell(listeners: list[str], news: list[tuple[int, str]], since: datetime) -> None:
        for node in listeners:
            for fact in news:
                arrived[node].setdefault(fact, since)

    facts = [(since, left, right, None) for left, right, since, until in here.ties if since <= moment < until]
    facts += [
        (max(since, back_since.get(node, since)), node, organisation, priority)
        for node, priority, organisation, since in here.evidence
        if since <= moment and node not in is_cut
    ]
    for since, left, right, priority in sorted(facts, key=lambda fact: fact[0]):
        tree = tree_of[left]
        if priority is not None:
            tell(tree.nodes, [(priority, right)], since)
            tree.evidence.append((priority, right))
        elif (other := tree_of[right]) is not tree:
            tell(tree.nodes, other.evidence, since)
            tell(other.nodes, tree.evidence, since)
            tree.nodes += other.nodes
            tree.evidence += other.evidence
            tree_of.update(dict.fromkeys(other.nodes, tree))

    found = {}
    for node, tree in tree_of.items():
        oldest = min(tree.nodes, key=lambda member: (first_seen[member], member))
        found[node] = Known(oldest, choice(arrived[node]))
    return found


def choice(arrived: Mapping[tuple[int, str], datetime]) -> str | None:
    """The strongest rule decides, within it the newest evidence."""
    newest_first = sorted(arrived.items(), key=lambda item: item[0][1])
    newest_first.sort(key=lambda item: item[1], reverse=True)
    return min(newest_first, key=lambda item: item[0][0])[0][1] if newest_first else None


def spans_of(noted: list[tuple[datetime, str | None]]) -> list[Span]:
    """Spans of (moment, owner), one entry per moment. Without an owner for a while, what was before is settled."""
    changes = [entry for before, entry in pairwise([(NEVER_BEFORE, None), *noted]) if entry[1] != before[1]]
    spans: list[Span] = []
    first_fact = settled_from = NEVER_BEFORE
    first_with: dict[str, datetime] = {}
    for (since, owner), (until, owner_next) in pairwise([*changes, (FOREVER, None)]):
        if owner is None:
            settled_from, first_with = first_fact, {}
            continue
        settled_since = first_with.setdefault(owner, since)
        spans.append(Span(owner, since, until, first_fact, settled_from, settled_since, owner_next is None))
        first_fact = until
    return spans


@dataclass(frozen=True)
class Identity:
    """What identity resolution knows: everything that attribution reads."""

    persons_of: Mapping[str, list[Span]]
    companies_of: Mapping[str, list[Span]]
    organisations: Components
    individual_since: Mapping[
        str, datetime
    ]  # by person's anchor; absent for anonymous visitors and members from the start


def resolve(
    person_first_seen: Mapping[str, datetime],
    ties: list[Tie],
    evidence: list[Evidence],
    cuts: list[Cut],
    organisation_first_seen: Mapping[str, datetime],
    organisation_edges: list[Edge],
) -> Identity:
    persons_noted: dict[str, list] = defaultdict(list)
    companies_noted: dict[str, list] = defaultdict(list)
    for here in neighbourhoods(person_first_seen, ties, evidence, cuts):
        for moment in moments_of(here, person_first_seen):
            known = known_at(moment, here, person_first_seen)
            for node in here.nodes:
                now = known.get(node)
                persons_noted[node].append((moment, now and now.oldest))
                companies_noted[node].append((moment, now and now.organisation))
    persons_of = {node: spans_of(noted) for node, noted in persons_noted.items()}
    companies_of = {node: spans_of(noted) for node, noted in companies_noted.items()}
    return Identity(
        persons_of,
        companies_of,
        components(organisation_first_seen, organisation_edges),
        individuals(persons_of, companies_of),
    )


def individuals(persons_of: Mapping[str, list[Span]], companies_of: Mapping[str, list[Span]]) -> dict[str, datetime]:
    """People of today who were known before they had a company, by their oldest identifier, and since when."""
    known_since: dict[str, datetime] = {}
    joined: dict[str, datetime] = {}
    for node, spans in persons_of.items():
        if not spans or spans[-1].until != FOREVER:
            continue
        last = spans[-1]
        if not node.startswith("anonymous_id:"):
            known_since[last.owner] = min(last.settled_since, known_since.get(last.owner, last.settled_since))
        for span in companies_of[node]:
            moment = max(span.since, last.settled_since)
            joined[last.owner] = min(moment, joined.get(last.owner, moment))
    return {anchor: since for anchor, since in known_since.items() if anchor not in joined or joined[anchor] > since}


def attribute(
    identity: Identity, node: str | None, organisation: str | None, moment: datetime
) -> set[tuple[str, str | None, datetime]]:
    """(account, person, known since) of a fact that names a person's identifier, an organisation, or both."""
    organisations = identity.organisations
    persons = identity.persons_of.get(node, []) if node else []

    def person_at(when: datetime) -> str | None:
        return next((span.owner for span in persons if span.first_fact <= when < span.until), None)

    if organisation is not None:
        account = stable_id("acc", organisations.anchor[organisation])
        since = max(moment, organisations.since[organisation])
        person = person_at(since)
        return {(account, person and stable_id("per", person), since)}
    if node is None or not persons:
        return set()
    found: set[tuple[str, str | None, datetime]] = set()
    company = next((span for span in identity.companies_of[node] if span.first_fact <= moment < span.until), None)
    if company is not None:
        account = stable_id("acc", organisations.anchor[company.owner])
        since = max(moment, company.since, organisations.since[company.owner])
        if (person := person_at(since)) is not None:
            found.add((account, stable_id("per", person), since))
    settled = next((span for span in persons if span.is_settled and span.settled_from <= moment < span.until), None)
    if settled is not None and settled.owner in identity.individual_since:
        told = max(moment, settled.settled_since)
        if company is None or company.since > told:
            person = stable_id("per", settled.owner)
            found.add((stable_id("ind", person), person, max(told, identity.individual_since[settled.owner])))
    return found
