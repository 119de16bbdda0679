"""Tracking that changed is found, and a stream that did not change stays silent."""

from collections.abc import Callable
from datetime import date

import ibis
import numpy as np
import pytest
from scipy.stats import fisher_exact

from ml.tracking import FALSE_ALARMS, drop_p_value, increase_p_value, surprising
from orchestration.tracking import HISTORY_DAYS, Checked, check_tracking
from orchestration.tracking_plan_rules import plan_findings

WEEK_SHAPE = np.array([1, 1.1, 1.05, 1, 0.9, 0.3, 0.25])
MEANS = (2, 10, 50, 200, 1000)


def counts(rng: np.random.Generator, days: int, mean: float, dispersion: float, trend: float) -> np.ndarray:
    level = mean * WEEK_SHAPE[np.arange(days) % 7] * np.exp(trend * np.arange(days) / days)
    return rng.poisson(level * rng.gamma(1 / dispersion, dispersion, days) if dispersion else level)


@pytest.mark.parametrize(("dispersion", "trend"), [(0, 0), (0.1, 0), (0.1, -0.7), (1, 0.7)])
def test_an_unchanged_stream_is_silent_on_nearly_every_day(dispersion: float, trend: float):
    rng = np.random.default_rng(7)
    streams = [counts(rng, 464, mean, dispersion, trend) for mean in MEANS]

    alarms = [
        surprising([drop_p_value(one[day - 63 : day - 7], 8, int(one[day])) for one in streams]).any()
        for day in range(64, 464)
    ]

    # Of 400 days 4 may have an alarm; more than 11 would be seen in one of a thousand tests.
    assert sum(alarms) <= 11


def test_a_drop_is_found_where_there_are_enough_events_to_see_it():
    rng = np.random.default_rng(7)
    found = {
        (mean, kept): np.mean(
            [
                drop_p_value((one := counts(rng, 64, mean, 0, 0))[:56], 8, int(kept * one[63])) * 30 < FALSE_ALARMS
                for _ in range(40)
            ]
        )
        for mean, kept in ((1000, 0.7), (200, 0.0), (2, 0.0))
    }

    assert found[1000, 0.7] > 0.9
    assert found[200, 0.0] == 1
    assert found[2, 0.0] == 0  # of two events a day nothing can be said


def test_more_odd_ones_than_before_are_judged_by_fishers_exact_test():
    odd_before, of_before = np.array([0, 1] * 14), np.array([40] * 28)
    expected = fisher_exact([[9, 31], [14, 28 * 40 - 14]], alternative="greater").pvalue  # type: ignore[attr-defined]

    assert increase_p_value(9, 40, odd_before, of_before) == pytest.approx(expected, rel=1e-9)
    assert increase_p_value(1, 40, odd_before, of_before) == 1  # a day of history had as many
    assert np.isnan(increase_p_value(9, 40, odd_before[:10], of_before[:10]))


@pytest.fixture(scope="module")
def checked() -> Callable[..., Checked]:
    """Checks ten weeks of 40 people who open a board and create a task each day, after some changes of the last day."""
    backend = ibis.duckdb.connect()
    backend.con.execute(
        """
        create schema activity;
        create table all_events as
            select
                concat(name, person, day) as event_id, 'web' as source, 'track' as event_type, name as event_name,
                concat('u', person) as user_id, null::varchar as anonymous_id, null::varchar as email,
                null::varchar as device,
                cast(day as timestamp) + interval 10 hour as occurred_at,
                cast(day as timestamp) + interval 11 hour as available_at,
                case when name = 'Task Created' then '{"list": "todo", "position": 3}' else '{}' end as properties
            from range(timestamp '2026-03-01', timestamp '2026-05-12', interval 1 day) as days(day),
                range(40) as people(person), (values ('Board Opened'), ('Task Created')) as names(name)
            where person < 8 + 32 * (isodow(day) <= 5)::integer;
        """
    )

    def check(*changes: str, plan: tuple[tuple[str, ...], ...] = ()) -> Checked:
        backend.con.execute("create or replace table activity.events as from all_events")
        for change in changes:
            backend.con.execute(change)
        columns = ("source", "event_name", "property", "type", "required")
        return check_tracking(backend, [dict(zip(columns, row, strict=True)) for row in plan])[0]

    return check


LAST = "occurred_at >= timestamp '2026-05-11' and event_name"  # a Monday


def kinds(checked: Checked) -> list[tuple[str, str]]:
    return [(one.kind, one.event_name) for one in checked.changes]


# The newest event of all arrives on the 12th: the 11th is the last day that is over.
NEWEST = """
insert into activity.events
select * replace (
    timestamp '2026-05-12 01:00' as occurred_at, timestamp '2026-05-12 11:00' as available_at, 'new' as event_id
)
from all_events limit 1
"""
NO_LIST, TEXT_POSITION = '{"position": 3}', '{"list": "todo", "position": "3"}'


def test_without_a_change_nothing_is_said(checked: Callable[..., Checked]):
    found = checked(NEWEST)

    assert (found.day, found.history_days, found.names, found.properties) == (date(2026, 5, 11), HISTORY_DAYS, 2, 2)
    assert found.changes == ()


@pytest.mark.parametrize(
    ("change", "expected", "said"),
    [
        (f"update activity.events set event_name = 'Task Made' where {LAST} = 'Task Created'",
         [("unexpected", "Task Made"), ("drop", "Task Created")], "0 events on that Monday, where 40 are usual"),
        (f"update activity.events set properties = '{NO_LIST}' where {LAST} = 'Task Created' and user_id > 'u3'",
         [("lacking", "Task Created")], "40% of its senders lack list, 0.0% in the weeks before"),
        (f"update activity.events set properties = '{TEXT_POSITION}' where {LAST} = 'Task Created'",
         [("type", "Task Created")], "100% of its senders have text in position, 0.0% in the weeks before"),
        (f"delete from activity.events where {LAST} = 'Board Opened' and user_id > 'u2'",
         [("drop", "Board Opened")], "13 events on that Monday, where 40 are usual"),
        (f"update activity.events set event_name = 'Odd' where {LAST} = 'Board Opened' and user_id = 'u1'", [], ""),
    ],
)  # fmt: skip
def test_what_was_planted_is_found_and_named(
    checked: Callable[..., Checked], change: str, expected: list[tuple[str, str]], said: str
):
    found = checked(NEWEST, change)

    assert sorted(kinds(found)) == sorted(expected)
    assert said in " ".join(one.what for one in found.changes)


def test_late_events_are_no_drop(checked: Callable[..., Checked]):
    """On every day the same half of the events arrives three days late: on the last day they have not arrived yet."""
    late = "update activity.events set available_at = available_at + interval 3 day where user_id > 'u2'"
    not_yet = "delete from activity.events where available_at > timestamp '2026-05-12 11:00'"

    assert checked(NEWEST, late, not_yet).changes == ()


def test_a_plan_is_held_to_without_a_test(checked: Callable[..., Checked]):
    one_odd = f"update activity.events set event_name = 'Odd' where {LAST} = 'Board Opened' and user_id = 'u1'"
    one_lacks = f"update activity.events set properties = '{{}}' where {LAST} = 'Task Created' and user_id = 'u1'"
    plan = (
        ("*", "board opened", "", "", ""),
        ("web", "Task Created", "list", "text", "true"),
        ("web", "Task Created", "position", "text", "false"),
    )

    assert sorted(kinds(checked(NEWEST, one_odd, one_lacks, plan=plan))) == [
        ("lacking", "Task Created"),
        ("type", "Task Created"),
        ("unexpected", "Odd"),
    ]
    assert kinds(checked(NEWEST, plan=plan[:2])) == []


def test_a_short_history_says_nothing(checked: Callable[..., Checked]):
    short = "delete from activity.events where occurred_at < timestamp '2026-05-01'"

    assert checked(NEWEST, short, f"delete from activity.events where {LAST} = 'Board Opened'").changes == ()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("web", "A", "", "text", "")], "none is named"),
        ([("web", "A", "p", "", ""), ("web", "a", "p", "", "true")], "stands on line 2 already"),
        ([("*", "A", "p", "", ""), ("web", "a", "p", "", "")], "line 2 says it of any source already"),
        ([("web", "A", "p", "", ""), ("app", "a", "p", "", "")], None),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(rows: list[tuple[str, ...]], said: str | None):
    columns = ("source", "event_name", "property", "type", "required")
    found = [
        what
        for _, what, _ in plan_findings([(i, dict(zip(columns, row, strict=True))) for i, row in enumerate(rows, 2)])
    ]

    assert (said is None and not found) or any(said in what for what in found)  # type: ignore[operator]
