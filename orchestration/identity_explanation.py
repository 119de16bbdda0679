"""Why identifiers are one person: the chain of ties behind each, the accounts they lead to, and what was refused."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.identity_failures import near_matches
from warehouse.connection import Backend
from warehouse.tables import has_table, query

END_OF_TIME = datetime(9999, 12, 31)  # noqa: DTZ001 - times in the warehouse are UTC without a zone


class UnknownIdentity(LookupError):  # noqa: N818 - the name says what is wrong
    """No person and no identifier answers to what was asked for, or several do."""


@dataclass(frozen=True)
class Tie:
    """Two identifiers that records tie together, from when to when that was known (UTC)."""

    left: str
    right: str
    rule: str
    source: str
    since: datetime
    until: datetime

    @property
    def holds(self) -> bool:
        """Whether nothing has ended it."""
        return self.until >= END_OF_TIME


@dataclass(frozen=True)
class Explanation:
    """A person, or an identifier that is nobody's, with everything that says why.

    `chains` has one entry per identifier, the oldest first: the ties from it to the oldest, the nearest first. It is
    empty for the oldest itself.
    """

    asked: str
    person: Mapping[str, Any] | None
    chains: Mapping[str, Sequence[Tie]]
    ended: Sequence[Tie]
    accounts: Sequence[Mapping[str, Any]]
    refused: Sequence[Mapping[str, Any]]


def explain_identity(backend: Backend, wanted: str) -> Explanation:
    """Everything known about the person or identifier that answers to `wanted`.

    Args:
        backend: the published file, or the working one.
        wanted: a person_id, an identifier as `type:value`, or its value alone.

    Raises:
        UnknownIdentity: nobody answers to it (the message has near matches), several do (it lists them), or there was
            no run yet.
    """
    person_id, asked = find_identity(backend, wanted)
    if person_id is None:
        nodes, ties = [asked], ties_of(backend, [asked])
        chains: dict[str, Sequence[Tie]] = {asked: ()}
    else:
        nodes = identifiers_of(backend, person_id)
        ties = ties_of(backend, nodes)
        chains = chains_to_oldest(nodes, ties)
    return Explanation(
        asked=asked,
        person=_person(backend, person_id) if person_id else None,
        chains=chains,
        ended=ended_ties(ties),
        accounts=_accounts(backend, person_id) if person_id else [],
        refused=_refused(backend, nodes, ties),
    )


def find_identity(backend: Backend, wanted: str) -> tuple[str | None, str]:
    """The person that answers to `wanted`, and the identifier that was meant; None for one that is nobody's.

    Raises:
        UnknownIdentity: as for `explain_identity`.
    """
    # Not there before the first run, nor in what an older release published.
    if not has_table(backend, "identity", "observed_identifiers"):
        raise UnknownIdentity("nothing was resolved here yet: `pql run`")
    found = query(
        backend,
        """
        select identifiers.node, persons.person_id
        from identity.identifiers as identifiers
        left join identity.person_identifiers as persons on identifiers.node = persons.node
        where
            persons.person_id = $1 or identifiers.node = $1
            or lower(identifiers.node) = lower($1) or lower(identifiers.identifier) = lower($1)
        order by
            case when persons.person_id = $1 then 1 when identifiers.node = $1 then 2 else 3 end,
            identifiers.first_seen_at, identifiers.node
        """,
        [wanted],
    )
    if not found:
        close = near_matches(backend, wanted) or near_matches(backend, wanted.split(":", 1)[-1])
        hint = f" Close: {', '.join(close)}." if close else ""
        raise UnknownIdentity(f"no person and no identifier is '{wanted}'.{hint}")
    if wanted in (found[0]["person_id"], found[0]["node"]):
        return found[0]["person_id"], found[0]["node"]
    if len({row["person_id"] or row["node"] for row in found}) == 1:
        return found[0]["person_id"], found[0]["node"]
    listed = ", ".join(f"{row['node']} ({row['person_id'] or 'nobody'})" for row in found[:10])
    raise UnknownIdentity(f"'{wanted}' is more than one: {listed}. Ask by type:value.")


def identifiers_of(backend: Backend, person_id: str) -> list[str]:
    """The identifiers of a person as `type:identifier`, the oldest first: it gives the person their id."""
    rows = query(
        backend,
        """
        select identifiers.node
        from identity.person_identifiers as persons
        inner join identity.identifiers as identifiers on persons.node = identifiers.node
        where persons.person_id = ?
        order by identifiers.first_seen_at, identifiers.node
        """,
        [person_id],
    )
    return [row["node"] for row in rows]


def ties_of(backend: Backend, nodes: Sequence[str]) -> list[Tie]:
    """Every tie with one of these identifiers at either end, the earliest first."""
    rows = query(
        backend,
        """
        select left_node, right_node, rule, source, available_at, known_until
        from identity.identity_edges
        where list_contains($1, left_node) or list_contains($1, right_node)
        order by available_at, left_node, right_node
        """,
        [list(nodes)],
    )
    return [Tie(*row.values()) for row in rows]


def chains_to_oldest(nodes: Sequence[str], ties: Iterable[Tie]) -> dict[str, Sequence[Tie]]:
    """For each identifier the shortest chain of ties to the first one of `nodes`; of equal ones that of earlier ties.

    A tie that has ended is walked only where no chain of ties that hold gets there.
    """
    inside = set(nodes)
    among = [tie for tie in ties if tie.left in inside and tie.right in inside]
    chains: dict[str, Sequence[Tie]] = {nodes[0]: ()}
    for usable in ([tie for tie in among if tie.holds], among):
        neighbours: dict[str, list[tuple[Tie, str]]] = defaultdict(list)
        for tie in usable:
            neighbours[tie.left].append((tie, tie.right))
            neighbours[tie.right].append((tie, tie.left))
        level = list(chains)
        while level:
            # The earliest tie into the next level wins, whichever identifier it comes from.
            offers = [(tie, node, other) for node in level for tie, other in neighbours[node] if other not in chains]
            reached: dict[str, Sequence[Tie]] = {}
            for tie, node, other in sorted(offers, key=lambda offer: (offer[0].since, offer[0].left, offer[0].right)):
                reached.setdefault(other, (tie, *chains[node]))
            chains |= reached
            level = list(reached)
    return {node: chains.get(node, ()) for node in nodes}


def ended_ties(ties: Iterable[Tie]) -> list[Tie]:
    """The ties that something ended, save those that hold again."""
    ties = list(ties)
    holding = {(tie.left, tie.right) for tie in ties if tie.holds}
    return [tie for tie in ties if not tie.holds and (tie.left, tie.right) not in holding]


def _person(backend: Backend, person_id: str) -> dict[str, Any]:
    return query(backend, "select * from identity.persons where person_id = ?", [person_id])[0]


def _accounts(backend: Backend, person_id: str) -> list[dict[str, Any]]:
    """The accounts of a person with what first tied them, and which identifier led where."""
    return query(
        backend,
        """
        with evidence as (
            select
                identifier_accounts.account_id,
                min_by(
                    identifier_accounts.node || ' → ' || identifier_accounts.organisation_node,
                    identifier_accounts.available_at
                ) as evidence
            from identity.identifier_accounts as identifier_accounts
            inner join identity.person_identifiers as persons on identifier_accounts.node = persons.node
            where persons.person_id = $1
            group by identifier_accounts.account_id
        )

        select
            accounts.account_id, accounts.name, accounts.kind,
            members.matched_by, members.confidence, members.available_at, evidence.evidence
        from identity.account_members as members
        inner join identity.accounts as accounts on members.account_id = accounts.account_id
        left join evidence on members.account_id = evidence.account_id
        where members.person_id = $1
        order by members.available_at, accounts.account_id
        """,
        [person_id],
    )


def _refused(backend: Backend, nodes: Sequence[str], ties: Iterable[Tie]) -> list[dict[str, Any]]:
    """What was refused of these identifiers, of those once tied to them, and of those seen in the same records."""
    tied = {node for tie in ties for node in (tie.left, tie.right)}
    return query(
        backend,
        """
        with together as (
            select unnest($1) as node
            union
            select others.node
            from identity.observed_identifiers as theirs
            inner join identity.observed_identifiers as others on theirs.observation_id = others.observation_id
            where list_contains($2, theirs.node)
        )

        select quarantine.*
        from identity.identity_quarantine as quarantine
        inner join together on together.node = quarantine.identifier_type || ':' || quarantine.identifier
        order by quarantine.first_refused_at, quarantine.identifier_type, quarantine.identifier
        """,
        [sorted(tied | set(nodes)), list(nodes)],
    )
