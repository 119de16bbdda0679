"""Whole runs on data that nobody here made, with the figures that others published for it."""

from collections.abc import Callable

import pytest

from tests.integration.conftest import Installation


@pytest.fixture(scope="module")
def course_platform(real_data: Callable[..., Installation]) -> Installation:
    # Registrations end on 2022-10-30: scored the day after, as the platform would have.
    return real_data("course_platform", "--as-of", "2022-10-31")


@pytest.fixture(scope="module")
def parch_posey(real_data: Callable[..., Installation]) -> Installation:
    return real_data("parch_posey")


def test_course_platform_conversion_is_what_everybody_else_found(course_platform: Installation):
    engaged, won, rate, to_first_use, to_won = course_platform.working(
        """
        select engaged_accounts, won_accounts, conversion_rate, mean_days_to_first_use, mean_days_from_first_use_to_won
        from reporting.conversion where kind = 'individual'
        """
    )[0]

    assert (engaged, won) == (20_255, 2_286)
    assert round(100 * rate, 2) == 11.29
    assert round(to_first_use, 2) == 3.42
    assert round(to_won, 2) == 26.25


def test_course_platform_every_student_is_a_one_person_account(course_platform: Installation):
    assert course_platform.working("select kind, count(*) from identity.accounts group by kind") == [
        ("individual", 40_979)
    ]
    assert course_platform.working("select count(*) from scores.account_scores where as_of_date = '2022-10-31'") == [
        (course_platform.working("select count(*) from features.scoring_examples")[0][0],)
    ]


def test_course_platform_is_learned_better_than_newest_first(course_platform: Installation, record_property):
    figures = {
        (model, metric): value
        for model, metric, value in course_platform.working(
            """
            select backtests.model_name, backtests.metric, backtests.value
            from ml.backtests as backtests
            inner join publishing.runs as runs
                on backtests.model_version = runs.model_version and runs.status = 'published'
            where backtests.slice = 'test'
            """
        )
    }
    for (model, metric), value in sorted(figures.items()):
        print(f"course_platform {model} {metric} = {value:.4f}")
        record_property(f"{model}_{metric}", value)

    for metric in ("auc", "average_precision", "lift_at_10_percent"):
        assert figures["gradient_boosting", metric] > figures["newest_first", metric]


def test_parch_posey_keeps_every_company(parch_posey: Installation, record_property):
    assert parch_posey.working("select kind, count(*) from identity.accounts group by kind") == [("company", 351)]
    assert parch_posey.working(
        "select count(distinct opportunity_id), count(*) from features.account_opportunities"
    ) == [(6_912, 6_912)]
    listed = ("twc.com", "facebook.com", "charter.com", "att.com", "verizon.com")
    assert parch_posey.working(f"select count(*) from identity.accounts where domain in {listed}") == [(5,)]
    for model, metric, value in parch_posey.working(
        "select model_name, metric, value from ml.backtests where slice = 'test'"
    ):
        print(f"parch_posey {model} {metric} = {value:.4f}")
        record_property(f"{model}_{metric}", value)


def test_parch_posey_the_visit_in_the_hour_before_an_order_is_not_seen_the_day_before(parch_posey: Installation):
    leaked = parch_posey.working(
        """
        select count(*)
        from features.account_signal_metrics as metrics
        left join activity.signals as signals
            on metrics.account_id = signals.account_id
            and metrics.signal = signals.signal
            and signals.occurred_at >= metrics.as_of_date - interval 1 day
            and signals.occurred_at < metrics.as_of_date
        group by metrics.account_id, metrics.signal, metrics.as_of_date
        having max(metrics.events_1d) <> least(count(signals.event_id), 20)
        """
    )
    assert leaked == []


def test_parch_posey_a_date_on_which_an_order_came_does_not_see_the_visit_in_the_hour_before_it(
    parch_posey: Installation, record_property
):
    """Every order has a visit in its last hour: a metric as of that day, which begins before it, must not count it."""
    traps, seen, counted = parch_posey.working(
        """
        with traps as (
            select distinct dates.as_of_date, signals.account_id, signals.signal
            from features.as_of_dates as dates
            inner join features.account_opportunities as orders on cast(orders.created_at as date) = dates.as_of_date
            inner join activity.signals as signals
                on orders.account_id = signals.account_id
                and signals.occurred_at between orders.created_at - interval 1 hour and orders.created_at
                and signals.occurred_at >= dates.as_of_date
        ),

        before as (
            select traps.as_of_date, traps.account_id, traps.signal, max(signals.occurred_at) as last_at
            from traps
            inner join activity.signals as signals
                on traps.account_id = signals.account_id
                and traps.signal = signals.signal
                and signals.occurred_at < traps.as_of_date
            group by all
        )

        select
            count(*),
            count(metrics.signal),
            count_if(metrics.days_since_last = metrics.as_of_date - cast(before.last_at as date))
        from traps
        left join before using (as_of_date, account_id, signal)
        left join features.account_signal_metrics as metrics
            on traps.as_of_date = metrics.as_of_date
            and traps.account_id = metrics.account_id
            and traps.signal = metrics.signal
        """
    )[0]
    record_property("visits_in_the_hour_before_an_order", traps)

    assert traps > 100
    assert 0 < seen == counted
