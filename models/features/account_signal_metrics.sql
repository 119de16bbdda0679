{{ config(materialized="by_as_of_date", keeps_past_dates=true) }}

-- Grain: one row per (account, as-of date, signal) for signals the account has shown in the lookback. Only facts that happened
-- and were known before the as-of date count (design section 3).

with

signals as (
    select * from {{ ref("signals") }}
),

-- Text ids are grouped by their keys; `first_days` gives them back. Days are read once here and once for `persons`: what two
-- parts share, DuckDB writes out first, which costs more than reading it again.
aged as (
    select
        {{ grouping_key("measured_days.account_id") }} as account_key,
        {{ grouping_key("measured_days.signal") }} as signal_key,
        {{ as_of_date() }} - measured_days.occurred_on as age,
        measured_days.counted_events as events,
        measured_days.amount,
        coalesce(signals.half_life_days, 30) as half_life_days
    from {{ ref("measured_days") }} as measured_days
    inner join signals on measured_days.signal = signals.signal
    where
        measured_days.occurred_on < {{ as_of_date() }}
        and measured_days.available_on < {{ as_of_date() }}
        and measured_days.occurred_on >= {{ as_of_date() }} - {{ lookback_days() }}
),

shown as (
    select
        account_key,
        signal_key,
        {{ by_window("cast(sum(case when age <= {w} then events else 0 end) as bigint) as events_{w}d") }},
        -- The three weeks that last week is compared with end 35 days back.
        cast(sum(case when age <= 35 then events else 0 end) as bigint) as events_35d,
        {{ by_window("coalesce(" ~ exact_sum("case when age <= {w} then amount end", 4) ~ ", 0) as amount_{w}d") }},
        {{ exact_sum("events * power(0.5, cast(age as double) / half_life_days)", 9) }} as decayed_count,
        {{ day_mask("age") }} as day_mask,
        min(age) as days_since_last
    from aged
    group by account_key, signal_key
),

-- People are counted by the last day on which each showed the signal.
persons as (
    select
        {{ grouping_key("account_id") }} as account_key,
        {{ grouping_key("signal") }} as signal_key,
        {{ grouping_key("person_id") }} as person_key,
        min({{ as_of_date() }} - occurred_on) as days_since_last
    from {{ ref("measured_days") }}
    where
        occurred_on < {{ as_of_date() }}
        and available_on < {{ as_of_date() }}
        and occurred_on >= {{ as_of_date() }} - {{ var("metric_windows") | max }}
        and occurred_on >= {{ as_of_date() }} - {{ lookback_days() }}
        and person_id is not null
    group by account_key, signal_key, person_key
),

people as (
    select
        account_key,
        signal_key,
        {{ by_window("cast(sum(case when days_since_last <= {w} then 1 else 0 end) as integer) as people_{w}d") }}
    from persons
    group by account_key, signal_key
),

last_days as (
    select
        account_key,
        person_key,
        min(days_since_last) as days_since_last
    from persons
    group by account_key, person_key
),

people_of_accounts as (
    select
        account_key,
        sum(case when days_since_last <= 28 then 1 else 0 end) as people_28d,
        count(*) as people_90d
    from last_days
    group by account_key
),

first_days as (
    select
        account_id,
        signal,
        min(first_on) as first_on
    from {{ ref("account_first_days") }}
    where available_on < {{ as_of_date() }}
    group by account_id, signal
),

final as (
    select
        first_days.account_id,
        {{ as_of_date() }} as as_of_date,
        first_days.signal,

        {{ by_window("shown.events_{w}d") }},
        {{ by_window(days_in_mask("shown.day_mask", "{w}") ~ " as active_days_{w}d") }},
        {{ by_window("coalesce(people.people_{w}d, 0) as people_{w}d") }},
        {{ by_window("shown.amount_{w}d") }},

        shown.decayed_count,
        {{ weekly_trend("shown.events_7d", "shown.events_28d - shown.events_7d") }} as momentum,
        {{ weekly_trend("shown.events_7d", "shown.events_28d - shown.events_7d") }}
        - ({{ weekly_trend("shown.events_14d - shown.events_7d", "shown.events_35d - shown.events_14d") }}) as acceleration,
        cast(coalesce(people.people_28d, 0) as double) / nullif(people_of_accounts.people_28d, 0) as people_share_28d,
        cast(coalesce(people.people_90d, 0) as double) / nullif(people_of_accounts.people_90d, 0) as people_share_90d,

        {{ as_of_date() }} - first_days.first_on as days_since_first,
        shown.days_since_last
    from shown
    inner join first_days
        on shown.account_key = {{ grouping_key("first_days.account_id") }}
        and shown.signal_key = {{ grouping_key("first_days.signal") }}
    left join people on shown.account_key = people.account_key and shown.signal_key = people.signal_key
    left join people_of_accounts on shown.account_key = people_of_accounts.account_key
)

select * from final
