{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date) for accounts with anything in the lookback: how much it is used, by how many, and
-- since when not. Every signal counts alike here; what depends on single signals is in `account_signal_metrics`.

with

account_days as (
    select * from {{ ref("account_days") }}
    where
        occurred_on < {{ as_of_date() }}
        and available_on < {{ as_of_date() }}
        and occurred_on >= {{ as_of_date() }} - {{ var("metric_lookback_days") }}
),

aged as (
    select
        account_id,
        person_id,
        {{ as_of_date() }} - occurred_on as age,
        counted_events as events
    from account_days
),

persons as (
    select
        account_id,
        person_id,
        sum(case when age <= 7 then events else 0 end) as events_7d,
        sum(case when age <= 28 then events else 0 end) as events_28d,
        {{ day_mask("age") }} as day_mask,
        min(age) as days_since_last
    from aged
    group by account_id, person_id
),

final as (
    select
        account_id,
        {{ as_of_date() }} as as_of_date,
        {% for window in [7, 28, 90] -%}
        cast(sum(case when days_since_last <= {{ window }} and person_id is not null then 1 else 0 end) as integer) as people_{{ window }}d,
        {% endfor -%}
        {% for window in [7, 28, 90] -%}
        {{ days_in_mask("bit_or(day_mask)", window) }} as active_days_{{ window }}d,
        {% endfor -%}
        cast(sum(events_28d) as bigint) as events_28d,
        ln(1 + sum(events_7d)) - ln(1 + (sum(events_28d) - sum(events_7d)) / 3.0) as momentum,
        min(days_since_last) as days_since_last
    from persons
    group by account_id
)

select * from final
