-- Grain: one row per (event name of a source, property, type): how many of its events carry the property with a value of the
-- type. A null is no value.

with

named_events as (
    select * from {{ ref("named_events") }}
),

members as (
    select
        named_events.event,
        property.member as property,
        property.kind as value_type
    from named_events
    cross join lateral {{ json_members("named_events.properties") }} as property
    where named_events.properties is not null
),

final as (
    select
        event,
        property,
        value_type,
        count(*) as events
    from members
    where value_type <> 'null'
    group by event, property, value_type
)

select * from final
