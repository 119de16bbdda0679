{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date) for accounts with anything in the lookback: how much it is used, by how many, and
-- since when not. Every signal counts alike here; what depends on single signals is in `account_signal_metrics`. Of signals that
-- say again what another says (use_in_model is false) events are not added: an event would count twice.

with

account_days as (
    select * from {{ ref("account_days") }}
    where
        occurred_on < {{ as_of_date() }}
        and available_on < {{ as_of_date() }}
        and occurred_on >= {{ as_of_date() }} - {{ lookback_days() }}
),

signals as (
    select * from {{ ref("signals") }}
),

aged as (
    select
        account_days.account_id,
        account_days.person_id,
        {{ as_of_date() }} - account_days.occurred_on as age,
        case when signals.use_in_model then account_days.counted_events else 0 end as events,
        case when signals.use_in_model then account_days.events else 0 end as uncapped_events,
        case when signals.use_in_model and signals.polarity <= 0 then account_days.events else 0 end as events_of_little_worth
    from account_days
    inner join signals on account_days.signal = signals.signal
),

persons as (
    select
        account_id,
        person_id,
        sum(case when age <= 7 then events else 0 end) as events_7d,
        sum(case when age <= 28 then events else 0 end) as events_28d,
        sum(case when age <= 28 then uncapped_events else 0 end) as uncapped_events_28d,
        sum(case when age <= 28 then events_of_little_worth else 0 end) as events_of_little_worth_28d,
        max(case when age > 28 and age <= 56 then 1 else 0 end) as was_seen_before,
        {{ day_mask("age") }} as day_mask,
        min(age) as days_since_last
    from aged
    group by account_id, person_id
),

accounts as (
    select
        account_id,
        {% for window in [7, 28, 90] -%}
        cast(sum(case when days_since_last <= {{ window }} and person_id is not null then 1 else 0 end) as integer) as people_{{ window }}d,
        {% endfor -%}
        {% for window in [7, 28, 90] -%}
        {{ days_in_mask("bit_or(day_mask)", window) }} as active_days_{{ window }}d,
        {% endfor -%}
        sum(case when person_id is not null then was_seen_before else 0 end) as people_before,
        sum(events_7d) as events_7d,
        sum(events_28d) as events_28d,
        sum(uncapped_events_28d) as uncapped_events_28d,
        sum(events_of_little_worth_28d) as events_of_little_worth_28d,
        min(days_since_last) as days_since_last
    from persons
    group by account_id
),

final as (
    select
        account_id,
        {{ as_of_date() }} as as_of_date,
        people_7d,
        people_28d,
        people_90d,
        ln(1 + people_28d) - ln(1 + people_before) as people_growth,
        active_days_7d,
        active_days_28d,
        active_days_90d,
        cast(events_28d as bigint) as events_28d,
        (uncapped_events_28d - events_28d) / nullif(cast(uncapped_events_28d as double), 0) as over_cap_share_28d,
        events_of_little_worth_28d / nullif(cast(uncapped_events_28d as double), 0) as little_worth_share_28d,
        ln(1 + events_7d) - ln(1 + (events_28d - events_7d) / 3.0) as momentum,
        days_since_last
    from accounts
)

select * from final
