{#-
    How many accounts converted and how many did not, and how many of each had shown a signal, by all that makes accounts
    alike: the counts that `ml.lift` compares. `days` is a CTE with (account_id, signal, occurred_on, available_on,
    counted_events), `signals` one with every signal to count.

    Rows: (time_window, cohort_month, account_kind, activity_level, signal, at_least) and the counts.
-#}
{% macro conversion_counts(days, signals) -%}
    {%- set thresholds = [1, 2, 3, 5, 10] -%}
    {%- set levels = 5 -%}
    with

    conversion_windows as (
        select * from {{ ref("conversion_windows") }}
    ),

    shown as (
        select
            windows.time_window,
            windows.account_id,
            windows.cohort_month,
            days.signal,
            sum(days.counted_events) as events,
            count(distinct days.occurred_on) as days
        from conversion_windows as windows
        inner join {{ days }} as days
            on windows.account_id = days.account_id
            and days.occurred_on >= windows.starts_on
            and days.occurred_on < windows.ends_on
            and days.available_on < windows.ends_on
        group by windows.time_window, windows.account_id, windows.cohort_month, days.signal
    ),

    -- How busy an account was: a signal counts once a day, so that no single one decides it.
    activity as (
        select time_window, account_id, cohort_month, sum(days) as signal_days
        from shown
        group by time_window, account_id, cohort_month
    ),

    windows as (
        select
            conversion_windows.time_window,
            conversion_windows.account_id,
            conversion_windows.cohort_month,
            conversion_windows.account_kind,
            coalesce(activity.signal_days, 0) as signal_days,
            case when conversion_windows.outcome = 'converted' then 1 else 0 end as converters,
            case when conversion_windows.outcome = 'not_converted' then 1 else 0 end as rest,
            case when conversion_windows.outcome = 'undecided' then 1 else 0 end as undecided
        from conversion_windows
        left join activity
            on conversion_windows.time_window = activity.time_window
            and conversion_windows.account_id = activity.account_id
            and conversion_windows.cohort_month = activity.cohort_month
    ),

    bounds as (
        select
            time_window,
            cohort_month,
            {% for bound in range(1, levels) -%}
            percentile_disc({{ bound / levels }}) within group (order by signal_days) as bound_{{ bound }},
            {% endfor -%}
            account_kind
        from windows
        group by time_window, cohort_month, account_kind
    ),

    {% set ascending = [] -%}
    {% for bound in range(1, levels) %}{% do ascending.append("bounds.bound_" ~ bound) %}{% endfor -%}
    accounts_of_level as (
        select
            windows.time_window,
            windows.cohort_month,
            windows.account_kind,
            {{ place_among("windows.signal_days", ascending) }} as activity_level,
            sum(windows.converters) as converters,
            sum(windows.rest) as rest,
            sum(windows.undecided) as undecided
        from windows
        inner join bounds
            on windows.time_window = bounds.time_window
            and windows.cohort_month = bounds.cohort_month
            and windows.account_kind = bounds.account_kind
        group by windows.time_window, windows.cohort_month, windows.account_kind, activity_level
    ),

    -- Whoever showed a signal stands, for that signal, at the level of what else they did; all others stand where they are.
    showing as (
        select
            windows.time_window,
            windows.cohort_month,
            windows.account_kind,
            {{ place_among("windows.signal_days", ascending) }} as activity_level,
            {{ place_among("windows.signal_days - shown.days", ascending) }} as other_activity_level,
            windows.converters,
            windows.rest,
            windows.undecided,
            shown.signal,
            shown.events
        from windows
        inner join bounds
            on windows.time_window = bounds.time_window
            and windows.cohort_month = bounds.cohort_month
            and windows.account_kind = bounds.account_kind
        inner join shown
            on windows.time_window = shown.time_window
            and windows.account_id = shown.account_id
            and windows.cohort_month = shown.cohort_month
    ),

    parts as (
        select
            accounts_of_level.time_window,
            accounts_of_level.cohort_month,
            accounts_of_level.account_kind,
            accounts_of_level.activity_level,
            signals.signal,
            0 as events,
            accounts_of_level.converters,
            accounts_of_level.rest,
            accounts_of_level.undecided
        from accounts_of_level
        cross join {{ signals }} as signals

        union all

        select time_window, cohort_month, account_kind, activity_level, signal, 0, -converters, -rest, -undecided
        from showing

        union all

        select time_window, cohort_month, account_kind, other_activity_level, signal, events, converters, rest, undecided
        from showing
    ),

    thresholds as (
        {% for threshold in thresholds -%}
        select {{ threshold }} as at_least
        {% if not loop.last -%}
        union all
        {% endif -%}
        {% endfor %}
    )

    select
        parts.time_window,
        parts.cohort_month,
        parts.account_kind,
        parts.activity_level,
        parts.signal,
        thresholds.at_least,
        cast(sum(parts.converters) as bigint) as converters,
        cast(sum(case when parts.events >= thresholds.at_least then parts.converters else 0 end) as bigint) as converters_with,
        cast(sum(parts.rest) as bigint) as rest,
        cast(sum(case when parts.events >= thresholds.at_least then parts.rest else 0 end) as bigint) as rest_with,
        cast(sum(parts.undecided) as bigint) as undecided
    from parts
    cross join thresholds
    group by
        parts.time_window,
        parts.cohort_month,
        parts.account_kind,
        parts.activity_level,
        parts.signal,
        thresholds.at_least
    having sum(parts.converters + parts.rest + parts.undecided) > 0
{%- endmacro %}
