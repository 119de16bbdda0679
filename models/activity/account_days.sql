{{ config(materialized="by_day_known") }}

-- Grain: one row per (account, person, signal, day it happened, day it became known). Everything later reads this table and
-- never the events again.

with

signals as (
    select * from {{ ref("signals") }}
),

on_time as (
    select
        account_id,
        person_id,
        signal,
        cast(occurred_at as date) as occurred_on,
        cast(available_at as date) as available_on,
        count(*) as events,
        {{ exact_sum("amount", 4) }} as amount,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from {{ ref("account_signals") }}
    where cast(available_at as date) <= cast(occurred_at as date)
    group by 1, 2, 3, 4, 5
),

late as (
    select
        account_id,
        person_id,
        signal,
        cast(occurred_at as date) as occurred_on,
        cast(available_at as date) as available_on,
        count(*) as events,
        {{ exact_sum("amount", 4) }} as amount,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from {{ ref("account_signals") }}
    where cast(available_at as date) > cast(occurred_at as date)
    group by 1, 2, 3, 4, 5
),

late_keys as (
    select distinct
        account_id,
        person_id,
        signal,
        occurred_on
    from late
),

-- What had become known in time of the days that something late belongs to. Few days: the many others need no look back.
known_in_time as (
    select
        late_keys.account_id,
        late_keys.person_id,
        late_keys.signal,
        late_keys.occurred_on,
        count(*) as events
    from {{ ref("account_signals") }} as account_signals
    inner join late_keys
        on account_signals.account_id = late_keys.account_id
        and account_signals.signal = late_keys.signal
        and cast(account_signals.occurred_at as date) = late_keys.occurred_on
        and account_signals.person_id is not distinct from late_keys.person_id
    where cast(account_signals.available_at as date) <= cast(account_signals.occurred_at as date)
    group by 1, 2, 3, 4
),

days as (
    select
        *,
        0 as events_before
    from on_time

    union all

    select
        late.*,
        coalesce(known_in_time.events, 0)
        + sum(late.events) over (
            partition by late.account_id, late.person_id, late.signal, late.occurred_on
            order by late.available_on
        )
        - late.events
    from late
    left join known_in_time
        on late.account_id = known_in_time.account_id
        and late.signal = known_in_time.signal
        and late.occurred_on = known_in_time.occurred_on
        and late.person_id is not distinct from known_in_time.person_id
),

-- Busy-work does not count: a person's events of one day are capped per signal. What a late event adds to the day is kept in
-- its own row, so that the cap holds at every as-of date and still is a plain sum.
final as (
    select
        days.account_id,
        days.person_id,
        days.signal,
        days.occurred_on,
        days.available_on,
        days.events,
        cast(
            least(days.events_before + days.events, coalesce(signals.daily_cap, days.events_before + days.events))
            - least(days.events_before, coalesce(signals.daily_cap, days.events_before))
            as bigint
        ) as counted_events,
        days.amount,
        days.first_at,
        days.last_at
    from days
    inner join signals on days.signal = signals.signal
)

select * from final
