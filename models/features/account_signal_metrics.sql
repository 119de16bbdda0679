{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date, signal) for signals the account has shown in the lookback. Only facts that happened
-- and were known before the as-of date count (design section 3).

with

account_days as (
    select * from {{ ref("account_days") }}
    where occurred_on < {{ as_of_date() }} and available_on < {{ as_of_date() }}
),

signals as (
    select * from {{ ref("signals") }}
),

first_days as (
    select
        account_id,
        signal,
        min(occurred_on) as first_on
    from account_days
    group by account_id, signal
),

aged as (
    select
        account_days.account_id,
        account_days.person_id,
        account_days.signal,
        {{ as_of_date() }} - account_days.occurred_on as age,
        account_days.counted_events as events,
        account_days.amount,
        coalesce(signals.half_life_days, 30) as half_life_days
    from account_days
    inner join signals on account_days.signal = signals.signal
    where account_days.occurred_on >= {{ as_of_date() }} - {{ var("metric_lookback_days") }}
),

persons as (
    select
        account_id,
        person_id,
        signal,
        {% for window in var("metric_windows") -%}
        cast(sum(case when age <= {{ window }} then events else 0 end) as bigint) as events_{{ window }}d,
        {% endfor -%}
        coalesce({{ exact_sum("case when age <= 90 then amount end", 4) }}, 0) as amount_90d,
        {{ exact_sum("events * power(0.5, cast(age as double) / half_life_days)", 9) }} as decayed_count,
        {{ day_mask("age") }} as day_mask,
        min(age) as days_since_last
    from aged
    group by account_id, person_id, signal
),

aggregated as (
    select
        account_id,
        signal,
        {% for window in var("metric_windows") -%}
        cast(sum(events_{{ window }}d) as bigint) as events_{{ window }}d,
        {% endfor -%}
        {% for window in var("metric_windows") -%}
        {{ days_in_mask("bit_or(day_mask)", window) }} as active_days_{{ window }}d,
        {% endfor -%}
        {% for window in var("metric_windows") -%}
        cast(sum(case when days_since_last <= {{ window }} and person_id is not null then 1 else 0 end) as integer) as people_{{ window }}d,
        {% endfor -%}
        {{ exact_sum("amount_90d", 4) }} as amount_90d,
        {{ exact_sum("decayed_count", 9) }} as decayed_count,
        min(days_since_last) as days_since_last
    from persons
    group by account_id, signal
),

final as (
    select
        aggregated.account_id,
        {{ as_of_date() }} as as_of_date,
        aggregated.signal,
        {% for kind in ["events", "active_days", "people"] -%}
        {% for window in var("metric_windows") -%}
        aggregated.{{ kind }}_{{ window }}d,
        {% endfor -%}
        {% endfor -%}
        aggregated.amount_90d,
        aggregated.decayed_count,
        ln(1 + aggregated.events_7d) - ln(1 + (aggregated.events_28d - aggregated.events_7d) / 3.0) as momentum,
        {{ as_of_date() }} - first_days.first_on as days_since_first,
        aggregated.days_since_last
    from aggregated
    inner join first_days on aggregated.account_id = first_days.account_id and aggregated.signal = first_days.signal
)

select * from final
