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

late_so_far as (
    select
        *,
        sum(events) over (
            partition by account_id, person_id, signal, occurred_on
            order by available_on
        ) as late_events
    from late
),

days as (
    select
        *,
        events as events_so_far
    from on_time

    union all

    select
        late_so_far.account_id,
        late_so_far.person_id,
        late_so_far.signal,
        late_so_far.occurred_on,
        late_so_far.available_on,
        late_so_far.events,
        late_so_far.amount,
        late_so_far.first_at,
        late_so_far.last_at,
        coalesce(known_in_time.events, 0) + late_so_far.late_events
    from late_so_far
    left join known_in_time
        on late_so_far.account_id = known_in_time.account_id
        and late_so_far.signal = known_in_time.signal
        and late_so_far.occurred_on = known_in_time.occurred_on
        and late_so_far.person_id is not distinct from known_in_time.person_id
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
            least(days.events_so_far, coalesce(signals.daily_cap, days.events_so_far))
            - least(days.events_so_far - days.events, coalesce(signals.daily_cap, days.events_so_far))
            as bigint
        ) as counted_events,
        days.amount,
        days.first_at,
        days.last_at
    from days
    inner join signals on days.signal = signals.signal
)

select * from final
