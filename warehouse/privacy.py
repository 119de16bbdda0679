"""What the warehouse keeps of people who asked to be forgotten: hashes alone, enough to refuse them again."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from warehouse.connection import Backend
from warehouse.tables import ensure_table, query

FORGOTTEN_IDENTIFIERS = pa.schema([("identifier_hash", pa.string()), ("forgotten_at", pa.timestamp("us"))])
KEPT_CUTS = pa.schema([("identifier_hash", pa.string()), ("kept_since", pa.timestamp("us"))])

# Everything that shared a record or a tie with one of these identifiers, and is cut now. Both are looked at: a tie that
# was refused from the start never became an edge.
CUT_COMPANIONS = """
with

wanted as (
    select unnest(?) as node
),

companions as (
    select edges.right_node as node
    from identity.identity_edges as edges
    inner join wanted on edges.left_node = wanted.node

    union

    select edges.left_node
    from identity.identity_edges as edges
    inner join wanted on edges.right_node = wanted.node

    union

    select others.node
    from identity.observed_identifiers as theirs
    inner join wanted on theirs.node = wanted.node
    inner join identity.observed_identifiers as others on theirs.observation_id = others.observation_id
)

select cuts.node, min(cuts.cut_from) as cut_from
from identity.identifier_cuts as cuts
inner join companions on cuts.node = companions.node
where cuts.cut_until >= timestamp '9999-12-31'
group by cuts.node
order by cuts.node
"""


@dataclass(frozen=True)
class Forgotten:
    """What forgetting wrote: how many identifiers are refused from now on, and which shared ones stay cut."""

    identifiers: int
    kept_cuts: tuple[str, ...]


def ensure_privacy(backend: Backend) -> None:
    """Create the tables of what was forgotten where they are absent."""
    ensure_table(backend, "privacy", "forgotten_identifiers", FORGOTTEN_IDENTIFIERS)
    ensure_table(backend, "privacy", "kept_cuts", KEPT_CUTS)


def identifier_hash(node: str) -> str:
    """The SHA-256 of an identifier as `type:identifier`, in hex; the macro `identifier_hash` says the same in SQL."""
    return hashlib.sha256(node.encode("utf-8")).hexdigest()


def cut_companions(backend: Backend, nodes: Iterable[str]) -> dict[str, datetime]:
    """The identifiers that are cut now and were seen or tied together with any of these, each with since when it is."""
    return {row["node"]: row["cut_from"] for row in query(backend, CUT_COMPANIONS, [sorted(nodes)])}


def forget(backend: Backend, nodes: Iterable[str], now: datetime) -> Forgotten:
    """Refuse these identifiers from the next run on, and keep cut what is cut because of them. All of it, or nothing.

    A shared device that three people used is cut for having joined three. With one of them forgotten the records show
    two, and the device would join those: so its cut is kept by hash, from the day on which it began, whatever the
    remaining records say. So no past date reads otherwise than before either.

    Args:
        backend: the working warehouse, after a run.
        nodes: the identifiers of one person as `type:identifier`.
        now: in UTC, without a zone.
    """
    ensure_privacy(backend)
    wanted = set(nodes)
    kept = {node: since for node, since in cut_companions(backend, wanted).items() if node not in wanted}
    connection = backend.con
    connection.begin()
    try:
        for table, time, entries in (
            ("forgotten_identifiers", "forgotten_at", dict.fromkeys(sorted(wanted), now)),
            ("kept_cuts", "kept_since", kept),
        ):
            connection.execute(
                f"""
                insert into privacy.{table} (identifier_hash, {time})
                select entries.identifier_hash, entries.at
                from (select unnest(?) as identifier_hash, unnest(cast(? as timestamp[])) as at) as entries
                where entries.identifier_hash not in (select identifier_hash from privacy.{table})
                """,  # noqa: S608 - names are ours
                [[identifier_hash(node) for node in entries], list(entries.values())],
            )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return Forgotten(len(wanted), tuple(kept))
