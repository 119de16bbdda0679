-- Grain: one row per (account, person, signal, day it happened, day it became known). Everything later reads this table and
-- never the events again.

with

account_signals as (
    select * from {{ ref("account_signals") }}
),

days as (
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
    from account_signals
    group by 1, 2, 3, 4, 5
),

running as (
    select
        *,
        sum(events) over (
            partition by account_id, person_id, signal, occurred_on
            order by available_on
        ) as events_so_far
    from days
),

-- Busy-work does not count: a person's events of one day are capped per signal. What a late event adds to the day is kept in
-- its own row, so that the cap holds at every as-of date and still is a plain sum.
final as (
    select
        running.account_id,
        running.person_id,
        running.signal,
        running.occurred_on,
        running.available_on,
        running.events,
        cast(
            least(running.events_so_far, coalesce(signals.daily_cap, running.events_so_far))
            - least(running.events_so_far - running.events, coalesce(signals.daily_cap, running.events_so_far))
            as bigint
        ) as counted_events,
        running.amount,
        running.first_at,
        running.last_at
    from running
    inner join {{ ref("signals") }} as signals on running.signal = signals.signal
)

select * from final
