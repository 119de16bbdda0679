-- Grain: one row per (account, person, signal, as-of date) with anything in the lookback. What both account tables are
-- counted from; only facts that happened and were known before the as-of date (design section 3).

with

account_days as (
    select * from {{ ref("account_days") }}
),

as_of_dates as (
    select * from {{ ref("as_of_dates") }}
),

signals as (
    select * from {{ ref("signals") }}
),

aged as (
    select
        account_days.account_id,
        account_days.person_id,
        account_days.signal,
        as_of_dates.as_of_date,
        as_of_dates.as_of_date - account_days.occurred_on as age,
        account_days.counted_events as events,
        account_days.amount,
        coalesce(signals.half_life_days, 30) as half_life_days
    from account_days
    inner join as_of_dates
        on account_days.occurred_on < as_of_dates.as_of_date
        and account_days.available_on < as_of_dates.as_of_date
        and account_days.occurred_on >= as_of_dates.as_of_date - {{ var("metric_lookback_days") }}
    inner join signals on account_days.signal = signals.signal
),

final as (
    select
        account_id,
        person_id,
        signal,
        as_of_date,
        {% for window in var("metric_windows") -%}
        cast(sum(case when age <= {{ window }} then events else 0 end) as bigint) as events_{{ window }}d,
        {% endfor -%}
        coalesce({{ exact_sum("case when age <= 90 then amount end", 4) }}, 0) as amount_90d,
        {{ exact_sum("events * power(0.5, cast(age as double) / half_life_days)", 9) }} as decayed_count,
        {{ day_mask("age") }} as day_mask,
        min(age) as days_since_last
    from aged
    group by account_id, person_id, signal, as_of_date
)

select * from final
