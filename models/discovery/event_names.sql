-- Grain: one row per event name of a source, in whatever case it was written: how much of it there is, and whom it reaches.

with

named_events as (
    select * from {{ ref("named_events") }}
),

event_days as (
    select * from {{ ref("event_days") }}
),

sent as (
    select
        event,
        min(source) as source,
        min(event_type) as event_type,
        min(event_name) as event_name,
        count(*) as events,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from named_events
    group by event
),

reached as (
    select
        event,
        count(distinct account_id) as accounts,
        count(distinct person_id) as people
    from event_days
    group by event
),

final as (
    select
        sent.event,
        sent.source,
        sent.event_type,
        sent.event_name,
        sent.events,
        coalesce(reached.people, 0) as people,
        coalesce(reached.accounts, 0) as accounts,
        sent.first_at,
        sent.last_at
    from sent
    left join reached on sent.event = reached.event
)

select * from final
