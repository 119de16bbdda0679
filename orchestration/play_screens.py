"""What `pql plays` shows: today's list of each owner, from the published file."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warehouse.connection import Backend
from warehouse.tables import query


class UnknownOwner(LookupError):  # noqa: N818 - the name says what is wrong
    """Nobody of this name has a play."""


def todays_plays(backend: Backend, owner: str | None, count: int) -> RenderableType:
    """Each owner's plays, the most urgent first: account, play, whom to call, why, and what to say.

    Args:
        backend: the published file.
        owner: one owner alone, in any case; None for all.
        count: at most so many plays of each owner.

    Raises:
        UnknownOwner: nobody of this name has a play; with those who have.
    """
    rows = _workable(backend)
    names = sorted({row["owner"] for row in rows if row["owner_by"] != "waiting"})
    if owner is not None:
        rows = [row for row in rows if row["owner"].lower() == owner.lower()]
        if not rows:
            raise UnknownOwner(f"'{owner}' has no play. Owners with plays: {', '.join(names) or 'none'}.")
    parts = [_list_of(name, list(plays), count) for name, plays in groupby(rows, lambda row: _heading(row))]
    return Group(*parts, *_left_over(backend))


def _workable(backend: Backend) -> list[dict[str, Any]]:
    return query(
        backend,
        """
        select
            plays.*, accounts.name as account,
            case when scores.stage = 'expansion_ready' then expansion.score else scores.score end as score,
            case when scores.stage = 'expansion_ready' then 'for more' else scores.grade end as grade,
            coalesce(persons.name, persons.email) as contact, persons.email, people.buying_role, persons.title
        from activation.plays as plays
        inner join identity.accounts as accounts on plays.account_id = accounts.account_id
        inner join scores.account_scores as scores on plays.account_id = scores.account_id
        left join scores.expansion_scores as expansion on plays.account_id = expansion.account_id
        left join identity.persons as persons on plays.contact_person_id = persons.person_id
        left join scores.person_scores as people
            on plays.account_id = people.account_id and plays.contact_person_id = people.person_id
        where plays.owner_by in ('crm', 'assigned', 'waiting')
        order by
            plays.owner_by = 'waiting', plays.owner, plays.due_at, score desc, plays.account_id
        """,
    )


def _heading(row: dict[str, Any]) -> str:
    return f"Waiting for a free {row['owner'].replace('_', ' ')}" if row["owner_by"] == "waiting" else row["owner"]


def _list_of(heading: str, plays: list[dict[str, Any]], count: int) -> RenderableType:
    table = Table(
        title=f"{heading}: {len(plays)} play{'s' if len(plays) != 1 else ''}", title_justify="left", pad_edge=False
    )
    for name in ("Due (UTC)", "Account", "Score", "Play", "Call first", "Why, and what to say"):
        table.add_column(name, justify="right" if name == "Score" else "left", overflow="fold")
    for row in plays[:count]:
        table.add_row(
            "–" if row["due_at"] is None else f"{row['due_at']:%a %d %b %H:%M}",
            row["account"],
            f"{row['score']} {row['grade']}",
            row["play"].replace("_", " "),
            _contact(row),
            _why(row),
        )
    more = [Text(f"and {len(plays) - count:,} more", style="dim")] if len(plays) > count else []
    return Group(table, *more)


def _contact(row: dict[str, Any]) -> RenderableType:
    if row["contact_person_id"] is None:
        return Text("nobody who can be written to", style="dim")
    title = f", {row['title']}" if row["title"] else ""
    return Group(Text(f"{row['contact']}{title}"), Text(row["buying_role"].replace("_", " "), style="dim"))


def _why(row: dict[str, Any]) -> RenderableType:
    return Group(Text(row["reason"]), *([Text(row["talking_points"], style="dim")] if row["talking_points"] else []))


def _left_over(backend: Backend) -> Iterator[RenderableType]:
    """How many accounts nobody has to work, and why."""
    rows = query(
        backend,
        """
        select
            case when owner_by = 'automation' then 'automation: ' || play else reason end as why,
            count(*) as accounts
        from activation.plays
        where owner_by in ('automation', 'nobody')
        group by why
        order by accounts desc, why
        """,
    )
    if rows:
        table = Table(title="Nobody has to work these", title_justify="left", pad_edge=False)
        table.add_column("Why")
        table.add_column("Accounts", justify="right")
        for row in rows:
            table.add_row(row["why"].replace("_", " "), f"{row['accounts']:,}")
        yield table
