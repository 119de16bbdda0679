-- Grain: one row per imported event.

with

events as (
    {{ source_columns("backend", "events", [
        ["source", "varchar"], ["event_id", "varchar"], ["_row_key", "varchar"], ["event_type", "varchar"], ["event_name", "varchar"],
        ["user_id", "varchar"], ["anonymous_id", "varchar"], ["group_id", "varchar"], ["email", "varchar"], ["domain", "varchar"],
        ["occurred_at", "timestamp"], ["available_at", "timestamp"], ["properties", "varchar"],
    ]) }}
),

final as (
    select
        'backend:' || source || ':' || coalesce(event_id, _row_key) as event_id,
        source,
        event_type,
        event_name,
        user_id,
        anonymous_id,
        coalesce(group_id, 'domain:' || {{ host_of("domain") }}) as group_id,
        lower(trim(email)) as email,
        least(occurred_at, available_at) as occurred_at,
        available_at,
        properties,
        cast(null as varchar) as country,
        cast(null as varchar) as device,
        'server' as channel
    from events
)

select * from final
