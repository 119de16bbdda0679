-- Grain: one row per (account, person, event, day it happened, day it became known): `account_days`, of what events are called
-- rather than of what they mean, and without a daily cap.

with

named_events as (
    select * from {{ ref("named_events") }}
),

named as (
    {{ nodes_of_senders("named_events") }}
),

facts as (
    select
        named_events.event_id as fact_id,
        named.node,
        'workspace:' || nullif(trim(named_events.group_id), '') as organisation_node,
        named_events.available_at
    from named_events
    inner join named
        on coalesce(named_events.user_id, '') = named.user_id
        and coalesce(named_events.email, '') = named.email
        and coalesce(named_events.anonymous_id, '') = named.anonymous_id
),

attributed as (
    {{ attributed("facts") }}
),

final as (
    select
        attributed.account_id,
        attributed.person_id,
        named_events.event,
        cast(named_events.occurred_at as date) as occurred_on,
        cast(attributed.available_at as date) as available_on,
        count(*) as events
    from named_events
    inner join attributed on named_events.event_id = attributed.fact_id
    group by
        attributed.account_id,
        attributed.person_id,
        named_events.event,
        cast(named_events.occurred_at as date),
        cast(attributed.available_at as date)
)

select * from final
