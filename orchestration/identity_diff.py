"""What another configuration would make of the same data: two published files compared, without writing to either.

What became of persons and accounts is told by the identifiers that they hold, not by their ids: an id is the hash of
the oldest identifier and changes with it.

- The **heir** of one of before is the one of after that got most of its identifiers; the **source** of one of after is
  the one of before that gave it most of its own. Of equals it is the one with the same id, then the lowest id.
- One of before and one of after **are the same** where each is the other's choice.
- **merged**: one of before whose heir has another source. It went into somebody else.
- **split**: one of after whose source has another heir. It was part of somebody else.
- **new**: none of its identifiers was anybody's. **gone**: none of its identifiers is anybody's.
- An identifier **moved** where it went from one that goes on to another that goes on, neither as part of a merger nor
  of a split, or where it is nobody's any more while the one that held it goes on.
- A person **moved** where the person is the same and the account is not, save where that account was merged or split as
  a whole. A person's account is the company that its newest evidence names, or else the individual account.

A company is compared by its workspaces, domains and CRM accounts, an individual account by its person's identifiers.
The model `identity_changes` counts in the same way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.connection import Backend, open_side_by_side
from warehouse.tables import query

KINDS = ("person", "company", "individual")
EXAMPLES = 10
LARGEST = 5

# Each identifier of each side with whose it is: of persons, of companies, and of individual accounts.
HELD = """
create temp table held_{side} as

select 'person' as kind, node, person_id as id
from {side}.identity.person_identifiers

union all

select 'company', node, target
from {side}.identity.organisation_reach

union all

select 'individual', persons.node, members.account_id
from {side}.identity.account_members as members
inner join {side}.identity.accounts as accounts on members.account_id = accounts.account_id
inner join {side}.identity.person_identifiers as persons on members.person_id = persons.person_id
where accounts.kind = 'individual'
"""

ACCOUNT_OF = """
create temp table account_of_{side} as

with claims as (
    select persons.person_id, links.account_id, 1 as preference, links.available_at, links.confidence
    from {side}.identity.identifier_accounts as links
    inner join {side}.identity.person_identifiers as persons on links.node = persons.node
    where links.known_until = timestamp '9999-12-31'

    union all

    select members.person_id, members.account_id, 2, members.available_at, members.confidence
    from {side}.identity.account_members as members
    inner join {side}.identity.accounts as accounts on members.account_id = accounts.account_id
    where accounts.kind = 'individual'
)

select person_id, account_id
from claims
qualify row_number() over (
    partition by person_id order by preference, available_at desc, confidence desc, account_id
) = 1
"""

PAIRS = """
create temp table pairs as

with overlapping as (
    select before_held.kind, before_held.id as from_id, after_held.id as to_id, count(*) as identifiers
    from held_before as before_held
    inner join held_after as after_held on before_held.kind = after_held.kind and before_held.node = after_held.node
    group by all
)

select
    *,
    row_number() over (
        partition by kind, from_id order by identifiers desc, from_id <> to_id, to_id
    ) = 1 as is_heir,
    row_number() over (
        partition by kind, to_id order by identifiers desc, from_id <> to_id, from_id
    ) = 1 as is_source
from overlapping
"""

MOVED_IDENTIFIERS = """
create temp table moved_identifiers as

select held_before.kind, held_before.node as subject, held_before.id as from_id, held_after.id as to_id
from held_before
inner join held_after on held_before.kind = held_after.kind and held_before.node = held_after.node
inner join pairs
    on held_before.kind = pairs.kind and held_before.id = pairs.from_id and held_after.id = pairs.to_id
where held_before.kind <> 'individual' and not pairs.is_heir and not pairs.is_source

union all

select held_before.kind, held_before.node, held_before.id, null
from held_before
inner join pairs on held_before.kind = pairs.kind and held_before.id = pairs.from_id and pairs.is_heir
where
    held_before.kind <> 'individual'
    and not exists (
        from held_after where held_after.kind = held_before.kind and held_after.node = held_before.node
    )
"""

MOVED_PEOPLE = """
create temp table moved_people as

select persons.to_id as person_id, account_of_before.account_id as from_id, account_of_after.account_id as to_id
from pairs as persons
inner join account_of_before on persons.from_id = account_of_before.person_id
inner join account_of_after on persons.to_id = account_of_after.person_id
left join pairs as companies
    on companies.kind in ('company', 'individual')
    and account_of_before.account_id = companies.from_id and account_of_after.account_id = companies.to_id
    and (companies.is_heir or companies.is_source)
where persons.kind = 'person' and persons.is_heir and persons.is_source and companies.from_id is null
"""


@dataclass(frozen=True)
class Fates:
    """What became of the persons, companies or individual accounts: how many there are, and of how many each holds."""

    before: int
    after: int
    merged: int
    split: int
    new: int
    gone: int


@dataclass(frozen=True)
class Move:
    """One identifier that would be somebody else's, or one person who would be with another account."""

    subject: str
    origin: str
    destination: str


@dataclass(frozen=True)
class Change:
    """One person or account that would be merged into another, or split off from it."""

    kind: str
    change: str
    origin: str
    destination: str
    identifiers: int


@dataclass(frozen=True)
class Labels:
    """Accounts whose past would be labelled otherwise, and how many examples are won on either side."""

    accounts: int
    won_before: int
    won_after: int


@dataclass(frozen=True)
class Difference:
    """Everything that would change.

    `arrived` counts the identifiers that the published run did not know: what they change is in the other figures too.
    `is_retrained` says that another model scores, since the accounts that it learns from are not the same: then even
    accounts that nothing else happened to may have another score.
    """

    fates: dict[str, Fates]
    moved_people: int
    moved_identifiers: int
    moves: list[Move]
    changes: list[Change]
    labels: Labels
    grades: list[tuple[str, str, int]]
    scores: int
    largest: dict[str, tuple[list[tuple[str, int]], list[tuple[str, int]]]]
    arrived: int
    is_retrained: bool

    @property
    def flipped_grades(self) -> int:
        """Accounts that are the same and would have another grade."""
        return sum(accounts for before, after, accounts in self.grades if before != after)

    @property
    def sentence(self) -> str:
        """The whole in one sentence."""
        people, companies = self.fates["person"], self.fates["company"]
        individuals = self.fates["individual"]
        counted = [
            (self.moved_people, "moves", "person", "people"),
            (people.merged, "merges", "person", "people"),
            (people.split, "splits off", "person", "people"),
            (people.new, "adds", "person", "people"),
            (people.gone, "drops", "person", "people"),
            (self.moved_identifiers, "moves", "identifier", "identifiers"),
            (companies.merged, "merges", "account", "accounts"),
            (companies.split, "splits off", "account", "accounts"),
            (companies.new + individuals.new, "adds", "account", "accounts"),
            (companies.gone + individuals.gone, "drops", "account", "accounts"),
            (self.labels.accounts, "changes the label of", "account", "accounts"),
            (self.flipped_grades, "flips", "grade", "grades"),
            (self.scores, "changes", "score", "scores"),
        ]
        parts = [f"{verb} {count:,} {one if count == 1 else many}" for count, verb, one, many in counted if count]
        if not parts:
            return "Nothing would change."
        text = ", ".join(parts)
        return f"{text[0].upper()}{text[1:]}."

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return self.sentence == "Nothing would change."


def compare(before: Path, after: Path) -> Difference:
    """What is different between two published files, counted as the head of this module says.

    Args:
        before: the published file of the home.
        after: that of the dry run.
    """
    with _prepared(before, after) as backend:
        return Difference(
            fates={kind: _fates(backend, kind) for kind in KINDS},
            moved_people=_count(backend, "moved_people"),
            moved_identifiers=_count(backend, "moved_identifiers"),
            moves=_moves(backend),
            changes=_changes(backend),
            labels=_labels(backend),
            grades=_grades(backend),
            scores=_scores(backend),
            largest=_largest(backend),
            arrived=_arrived(backend),
            is_retrained=_is_retrained(backend),
        )


@contextmanager
def _prepared(before: Path, after: Path) -> Iterator[Backend]:
    with open_side_by_side(before=before, after=after) as backend:
        for side in ("before", "after"):
            for statement in (HELD, ACCOUNT_OF):
                backend.con.execute(statement.format(side=side))
        for statement in (PAIRS, MOVED_IDENTIFIERS, MOVED_PEOPLE):
            backend.con.execute(statement)
        yield backend


def _count(backend: Backend, table: str) -> int:
    return query(backend, f"select count(*) as rows from {table}")[0]["rows"]  # noqa: S608 - names are ours


def _fates(backend: Backend, kind: str) -> Fates:
    row = query(
        backend,
        """
        select
            (select count(distinct id) from held_before where kind = $1) as before,
            (select count(distinct id) from held_after where kind = $1) as after,
            (select count(*) from pairs where kind = $1 and is_heir and not is_source) as merged,
            (select count(*) from pairs where kind = $1 and is_source and not is_heir) as split,
            (
                select count(distinct id) from held_after
                where kind = $1 and id not in (select to_id from pairs where kind = $1)
            ) as new,
            (
                select count(distinct id) from held_before
                where kind = $1 and id not in (select from_id from pairs where kind = $1)
            ) as gone
        """,
        [kind],
    )[0]
    return Fates(**row)


def _moves(backend: Backend) -> list[Move]:
    """People first, each shown by its oldest identifier, then single identifiers."""
    rows = query(
        backend,
        """
        with names as (
            select account_id as id, name || ' (' || account_id || ')' as named from before.identity.accounts
            union all
            select account_id, name || ' (' || account_id || ')' from after.identity.accounts
            where account_id not in (select account_id from before.identity.accounts)
        ),

        shown as (
            select
                min_by(identifiers.node, (identifiers.first_seen_at, identifiers.node)) as subject,
                moved.from_id, moved.to_id, 1 as kind
            from moved_people as moved
            inner join after.identity.person_identifiers as persons on moved.person_id = persons.person_id
            inner join after.identity.identifiers as identifiers on persons.node = identifiers.node
            group by moved.person_id, moved.from_id, moved.to_id

            union all

            select subject, from_id, to_id, 2 from moved_identifiers
        )

        select
            shown.subject,
            coalesce(origins.named, shown.from_id) as origin,
            coalesce(destinations.named, shown.to_id, 'nobody') as destination
        from shown
        left join names as origins on shown.from_id = origins.id
        left join names as destinations on shown.to_id = destinations.id
        order by shown.kind, shown.subject
        limit ?
        """,
        [EXAMPLES],
    )
    return [Move(**row) for row in rows]


def _changes(backend: Backend) -> list[Change]:
    """The largest mergers and splits, companies first."""
    rows = query(
        backend,
        """
        with names as (
            select id, any_value(named) as named
            from (
                select account_id as id, name || ' (' || account_id || ')' as named from before.identity.accounts
                union all
                select account_id, name || ' (' || account_id || ')' from after.identity.accounts
                union all
                select person_id, coalesce(name || ' ', email || ' ', '') || '(' || person_id || ')'
                from before.identity.persons
                union all
                select person_id, coalesce(name || ' ', email || ' ', '') || '(' || person_id || ')'
                from after.identity.persons
            )
            group by id
        )

        select
            case pairs.kind when 'person' then 'person' else 'account' end as kind,
            case when pairs.is_heir then 'merged' else 'split' end as change,
            coalesce(origins.named, pairs.from_id) as origin,
            coalesce(destinations.named, pairs.to_id) as destination,
            pairs.identifiers
        from pairs
        left join names as origins on pairs.from_id = origins.id
        left join names as destinations on pairs.to_id = destinations.id
        where pairs.kind <> 'individual' and pairs.is_heir <> pairs.is_source
        order by pairs.kind, pairs.identifiers desc, pairs.from_id, pairs.to_id
        limit ?
        """,
        [EXAMPLES],
    )
    return [Change(**row) for row in rows]


def _labels(backend: Backend) -> Labels:
    """Accounts that are the same, with a date on which they are won on one side alone, or for another amount."""
    row = query(
        backend,
        """
        with labels as (
            select pairs.to_id as account_id, labels.as_of_date, labels.is_won, labels.amount, 'before' as side
            from before.features.account_labels as labels
            inner join pairs on labels.account_id = pairs.from_id and pairs.is_heir and pairs.is_source

            union all

            select labels.account_id, labels.as_of_date, labels.is_won, labels.amount, 'after'
            from after.features.account_labels as labels
            inner join pairs on labels.account_id = pairs.to_id and pairs.is_heir and pairs.is_source
        ),

        compared as (
            select
                account_id,
                as_of_date,
                coalesce(max(is_won) filter (where side = 'before'), false) as won_before,
                coalesce(max(is_won) filter (where side = 'after'), false) as won_after,
                coalesce(max(amount) filter (where side = 'before'), 0) as amount_before,
                coalesce(max(amount) filter (where side = 'after'), 0) as amount_after
            from labels
            group by account_id, as_of_date
        )

        select
            count(distinct account_id) filter (
                where won_before <> won_after or amount_before <> amount_after
            ) as accounts,
            (select count(*) from before.features.account_labels where is_won) as won_before,
            (select count(*) from after.features.account_labels where is_won) as won_after
        from compared
        """,
    )[0]
    return Labels(**row)


def _grades(backend: Backend) -> list[tuple[str, str, int]]:
    """How many accounts go from which grade to which."""
    rows = query(
        backend,
        """
        select before_scores.grade as grade_before, after_scores.grade as grade_after, count(*) as accounts
        from pairs
        inner join before.scores.account_scores as before_scores on pairs.from_id = before_scores.account_id
        inner join after.scores.account_scores as after_scores on pairs.to_id = after_scores.account_id
        where pairs.kind <> 'person' and pairs.is_heir and pairs.is_source
        group by all
        order by all
        """,
    )
    return [(row["grade_before"], row["grade_after"], row["accounts"]) for row in rows]


def _scores(backend: Backend) -> int:
    return query(
        backend,
        """
        select count(*) as accounts
        from pairs
        inner join before.scores.account_scores as before_scores on pairs.from_id = before_scores.account_id
        inner join after.scores.account_scores as after_scores on pairs.to_id = after_scores.account_id
        where
            pairs.kind <> 'person' and pairs.is_heir and pairs.is_source
            and before_scores.score <> after_scores.score
        """,
    )[0]["accounts"]


def _largest(backend: Backend) -> dict[str, tuple[list[tuple[str, int]], list[tuple[str, int]]]]:
    """The people with most identifiers and the accounts with most people, before and after."""
    sizes = {
        "identifiers of a person": """
            select coalesce(name || ' ', email || ' ', '') || '(' || person_id || ')' as named, identifiers as size
            from {side}.identity.persons
            order by identifiers desc, person_id limit ?
        """,
        "people of an account": """
            select any_value(accounts.name) || ' (' || members.account_id || ')' as named, count(*) as size
            from {side}.identity.account_members as members
            inner join {side}.identity.accounts as accounts on members.account_id = accounts.account_id
            group by members.account_id
            order by size desc, members.account_id limit ?
        """,
    }
    found: dict[str, tuple[list[tuple[str, int]], list[tuple[str, int]]]] = {}
    for title, sql in sizes.items():
        before, after = (_named_sizes(query(backend, sql.format(side=side), [LARGEST])) for side in ("before", "after"))
        found[title] = (before, after)
    return found


def _arrived(backend: Backend) -> int:
    return query(
        backend,
        """
        select count(*) as identifiers
        from after.identity.identifiers as identifiers
        where not exists (from before.identity.identifiers as known where known.node = identifiers.node)
        """,
    )[0]["identifiers"]


def _is_retrained(backend: Backend) -> bool:
    versions = "select model_version, rules_version from {side}.publishing.runs"
    before, after = (query(backend, versions.format(side=side)) for side in ("before", "after"))
    return before != after


def _named_sizes(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(row["named"], row["size"]) for row in rows]
