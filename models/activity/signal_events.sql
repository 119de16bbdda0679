-- Grain: one row per (event, signal): events that mean something, by `signal_map`. Crawlers' events mean nothing.

with

events as (
    select * from {{ ref("events") }} where coalesce(device, '') <> 'bot'
),

signal_map as (
    select * from {{ ref("signal_map") }}
),

candidates as (
    select
        events.*,
        signal_map.signal,
        signal_map.operator,
        signal_map.value as expected,
        case when signal_map.property is not null then {{ json_text("events.properties", "signal_map.property") }} end as actual,
        case
            when signal_map.amount_property is not null then {{ json_text("events.properties", "signal_map.amount_property") }}
        end as amount
    from events
    inner join signal_map
        on lower(events.event_name) = lower(signal_map.event_name)
        and events.event_type = signal_map.event_type
        and (signal_map.source = '*' or signal_map.source = events.source)
),

matching as (
    select *
    from candidates
    where
        case operator
            when 'exists' then actual is not null
            when 'equals' then actual = expected
            when 'not_equals' then actual is distinct from expected
            when 'contains' then strpos(actual, expected) > 0
            when 'at_least' then {{ number_or_null("actual") }} >= {{ number_or_null("expected") }}
            when 'at_most' then {{ number_or_null("actual") }} <= {{ number_or_null("expected") }}
            else operator is null
        end
),

final as (
    select
        event_id,
        signal,
        {{ identifier_node(["user_id", "anonymous_id", "email"]) }} as node,
        'workspace:' || nullif(trim(group_id), '') as organisation_node,
        occurred_at,
        available_at,
        max({{ number_or_null("amount") }}) as amount
    from matching
    group by 1, 2, 3, 4, 5, 6
)

select * from final
