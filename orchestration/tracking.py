"""Whether sources still send what they should: new names, lacking properties, other types, fewer events.

Looked at is, of each source, the last day that is over. It is compared with the eight weeks that ended a week before,
or with tracking_plan.csv where that names the source. Shares are of senders: the events of one person are alike.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np

from ml.arrow import Integers
from ml.tracking import WEEK, drop_p_value, increase_p_value, surprising
from orchestration.configuration import Row
from warehouse.connection import Backend
from warehouse.tables import query

HISTORY_DAYS = 56
GAP_DAYS = 7  # what changed is reported for so many days; then it is history
# Of more events than this in all these weeks, a share of the senders tells of properties: counting JSON is slow.
READ_EVENTS = 2_000_000
DAYS = HISTORY_DAYS + GAP_DAYS + 1

Kind = Literal["unexpected", "lacking", "type", "drop"]
Key = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One way in which a source no longer sends what it should."""

    source: str
    day: date
    kind: Kind
    event_name: str
    what: str


@dataclass(frozen=True)
class Checked:
    """What was looked at of a source: the day, how many names and properties, and what had changed."""

    source: str
    day: date
    history_days: int
    names: int
    properties: int
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Tested:
    """A change that chance may have made, and how likely it would have."""

    p_value: float
    change: Change


@dataclass(frozen=True)
class Counts:
    """What one source sent: arrays have one number per day, of history first, then the gap, then the day looked at.

    Keys are the type and the name of an event, in small letters, then the property, then the type of its values.
    Senders of properties, and the senders that they are a share of, may be a sample.
    """

    source: str
    day: date
    history_days: int
    spelled: Mapping[Key, str]
    events: Mapping[Key, Integers]
    senders: Mapping[Key, Integers]
    all_senders: Integers
    sampled: Mapping[Key, Integers]
    having: Mapping[Key, Integers]
    having_type: Mapping[Key, Integers]


def check_tracking(backend: Backend, plan: Sequence[Row]) -> list[Checked]:
    """What had changed on the last whole day of each source.

    Args:
        backend: the working warehouse, with what the last run staged.
        plan: the rows of tracking_plan.csv.
    """
    newest = query(
        backend, "select source, max(available_at) as newest from activity.events group by source order by source"
    )
    return [
        check_source(read_counts(backend, row["source"], row["newest"].date() - timedelta(days=1)), plan)
        for row in newest
    ]


def check_source(counts: Counts, plan: Sequence[Row]) -> Checked:
    """Every change of one source; those that chance may have made are judged together."""
    planned = [row for row in plan if row["source"] in ("*", counts.source)]
    if planned:
        certain, tested = list(_against_plan(counts, planned)), list(_drops(counts))
    else:
        certain, tested = [], [*_new_names(counts), *_lacking(counts), *_new_types(counts), *_drops(counts)]
    is_surprising = surprising([one.p_value for one in tested])
    changes = [*certain, *(one.change for one, is_one in zip(tested, is_surprising, strict=True) if is_one)]
    return Checked(
        counts.source, counts.day, counts.history_days, len(counts.events), len(counts.having), tuple(changes)
    )


def read_counts(backend: Backend, source: str, day: date) -> Counts:
    """What a source sent on a day and in the weeks before it, each day as it was known when this one is looked at.

    Late events are late on every day: of each day those count that had arrived as long after its end as the newest fact
    of the source arrived after the end of the day looked at.
    """
    starts = day - timedelta(days=DAYS - 1)
    backend.con.execute(SENT, [source, starts, day, day])
    first_day = query(backend, FIRST_DAY, [source])[0]["day"]
    # The first day of all data is seldom a whole one.
    history_days = min(HISTORY_DAYS, (day - first_day).days - GAP_DAYS - 1)
    sample = [-(-query(backend, "select count(*) + 1 as events from sent")[0]["events"] // READ_EVENTS)]
    backend.con.execute(MEMBERS, sample)
    by_name = query(backend, BY_NAME)
    counts = Counts(
        source=source,
        day=day,
        history_days=max(0, history_days),
        spelled={(row["event_type"], row["name"]): row["event_name"] for row in by_name},
        events=_by_day(by_name, starts, "event_type", "name", count="events"),
        senders=_by_day(by_name, starts, "event_type", "name"),
        all_senders=_by_day(query(backend, ALL_SENDERS), starts).get((), np.zeros(DAYS, dtype=np.int64)),
        sampled=_by_day(query(backend, SAMPLED, sample), starts, "event_type", "name"),
        having=_by_day(query(backend, BY_PROPERTY), starts, "event_type", "name", "property"),
        having_type=_by_day(query(backend, BY_TYPE), starts, "event_type", "name", "property", "value_type"),
    )
    backend.con.execute("drop table sent; drop table members")
    return counts


def in_words(checked: Checked, shown: int = 10) -> list[str]:
    """A line for each change, the first of them, and how many there are beyond."""
    lines = [f"{one.event_name}: {one.what}" for one in checked.changes[:shown]]
    more = len(checked.changes) - shown
    return [*lines, f"and {more} changes more"] if more > 0 else lines


def _by_day(
    rows: Sequence[Mapping[str, Any]], starts: date, *names: str, count: str = "senders"
) -> dict[Key, Integers]:
    found: dict[Key, Integers] = {}
    for row in rows:
        days = found.setdefault(tuple(row[name] for name in names), np.zeros(DAYS, dtype=np.int64))
        days[(row["day"] - starts).days] += row[count]
    return found


def _against_plan(counts: Counts, plan: Sequence[Row]) -> Iterator[Change]:
    names = {row["event_name"].lower() for row in plan}
    sent_today = [key for key, senders in counts.senders.items() if senders[-1]]
    for key in sent_today:
        if key[1] not in names:
            yield _change(counts, key, "unexpected", "tracking_plan.csv does not know it")
    for row in (row for row in plan if row["property"].strip()):
        for key in (key for key in sent_today if key[1] == row["event_name"].lower()):
            of = int(counts.sampled.get(key, NONE)[-1])
            lacking = of - int(counts.having.get((*key, row["property"]), NONE)[-1])
            if row["required"] == "true" and lacking:
                what = f"{row['property']} is required, and {lacking / of:.0%} of its senders lack it"
                yield _change(counts, key, "lacking", what)
            for kind in _types_today(counts, key, row["property"]):
                if row["type"].strip() and kind != row["type"]:
                    what = f"{row['property']} is {kind}, where {row['type']} was planned"
                    yield _change(counts, key, "type", what)


def _types_today(counts: Counts, key: Key, name: str) -> list[str]:
    return [one[3] for one, senders in counts.having_type.items() if one[:3] == (*key, name) and senders[-1]]


def _new_names(counts: Counts) -> Iterator[Tested]:
    before = _history(counts, counts.all_senders)
    for key, senders in counts.senders.items():
        if not _history(counts, senders).any():
            p_value = increase_p_value(int(senders[-1]), int(counts.all_senders[-1]), _history(counts, senders), before)
            what = f"nobody sent it in the weeks before, and {senders[-1]:,} did that day"
            yield Tested(p_value, _change(counts, key, "unexpected", what))


def _lacking(counts: Counts) -> Iterator[Tested]:
    for key, having in counts.having.items():
        of = counts.sampled[key[:2]]
        if _history(counts, having).any():
            yield _more_than_before(counts, key, of - having, of, "lacking", f"of its senders lack {key[2]}")


def _new_types(counts: Counts) -> Iterator[Tested]:
    for key, having in counts.having_type.items():
        of = counts.having[key[:3]]
        yield _more_than_before(counts, key, having, of, "type", f"of its senders have {key[3]} in {key[2]}")


def _more_than_before(counts: Counts, key: Key, odd: Integers, of: Integers, kind: Kind, what: str) -> Tested:
    odd_before, of_before = _history(counts, odd), _history(counts, of)
    p_value = increase_p_value(int(odd[-1]), int(of[-1]), odd_before, of_before)
    share, share_before = odd[-1] / max(of[-1], 1), odd_before.sum() / max(of_before.sum(), 1)
    return Tested(p_value, _change(counts, key, kind, f"{share:.0%} {what}, {share_before:.1%} in the weeks before"))


def _drops(counts: Counts) -> Iterator[Tested]:
    for key, events in counts.events.items():
        history = np.trim_zeros(_history(counts, events), "f")
        alike = history[::-1][WEEK - 1 - GAP_DAYS % WEEK :: WEEK]  # the same weekday, the newest first
        usual = f"{np.median(alike):,.0f}" if len(alike) else "none"
        what = f"{events[-1]:,} events on that {counts.day:%A}, where {usual} are usual"
        yield Tested(drop_p_value(history, GAP_DAYS + 1, int(events[-1])), _change(counts, key, "drop", what))


def _history(counts: Counts, days: Integers) -> Integers:
    return days[HISTORY_DAYS - counts.history_days : HISTORY_DAYS]


def _change(counts: Counts, key: Key, kind: Kind, what: str) -> Change:
    return Change(counts.source, counts.day, kind, counts.spelled[key[:2]], what)


NONE = np.zeros(DAYS, dtype=np.int64)
SENT = """
create or replace temp table sent as
with newest as (
    select max(available_at) as at from activity.events where source = $1
)

select
    event_type,
    lower(event_name) as name,
    event_name,
    cast(occurred_at as date) as day,
    coalesce(user_id, anonymous_id, email, event_id) as sender,
    properties
from activity.events
cross join newest
where
    source = $1
    and event_type in ('track', 'page', 'screen')
    and trim(event_name) <> ''
    and coalesce(device, '') <> 'bot'
    and occurred_at >= $2
    and occurred_at < $3::date + 1
    and available_at <= cast(occurred_at as date) + 1 + (newest.at - ($4::date + 1))
"""
FIRST_DAY = "select cast(min(occurred_at) as date) as day from activity.events where source = $1"
BY_NAME = """
select event_type, name, min(event_name) as event_name, day, count(*) as events, count(distinct sender) as senders
from sent group by event_type, name, day order by event_type, name, day
"""
ALL_SENDERS = "select day, count(distinct sender) as senders from sent group by day"
SAMPLED = """
select event_type, name, day, count(distinct sender) as senders
from sent where hash(sender) % $1 = 0 group by event_type, name, day order by event_type, name, day
"""
MEMBERS = """
create or replace temp table members as
select
    sent.event_type,
    sent.name,
    sent.day,
    sent.sender,
    member.key as property,
    case
        when member.type = 'VARCHAR' then 'text'
        when member.type in ('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE') then 'number'
        else lower(member.type)
    end as value_type
from (select * from sent where hash(sender) % $1 = 0 and properties is not null) as sent
cross join lateral (select * from json_each(sent.properties)) as member
where member.type <> 'NULL'
"""
BY_PROPERTY = """
select event_type, name, property, day, count(distinct sender) as senders
from members group by event_type, name, property, day order by event_type, name, property, day
"""
BY_TYPE = """
select event_type, name, property, value_type, day, count(distinct sender) as senders
from members group by event_type, name, property, value_type, day order by event_type, name, property, value_type, day
"""
