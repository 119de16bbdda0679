{{ config(materialized="view") }}

-- Grain: one row per event that has a name and that no crawler sent, mapped to a signal or not.

with

events as (
    select * from {{ ref("events") }}
),

final as (
    select
        events.event_id,
        {{ event_key("events") }} as event,
        events.source,
        events.event_type,
        events.event_name,
        events.user_id,
        events.anonymous_id,
        events.group_id,
        events.email,
        events.occurred_at,
        events.available_at,
        events.properties
    from events
    where
        events.event_type in ('track', 'page', 'screen')
        and trim(events.event_name) <> ''
        and coalesce(events.device, '') <> 'bot'
)

select * from final
