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
        end as amount,
        case
            when signal_map.detail_property is not null then {{ json_text("events.properties", "signal_map.detail_property") }}
        end as detail
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

named as (
    {{ nodes_of_senders("matching") }}
),

final as (
    select
        matching.event_id,
        matching.signal,
        named.node,
        'workspace:' || nullif(trim(matching.group_id), '') as organisation_node,
        matching.occurred_at,
        matching.available_at,
        max({{ number_or_null("matching.amount") }}) as amount,
        max(nullif(trim(matching.detail), '')) as detail,
        nullif(trim(matching.anonymous_id), '') as anonymous_id,
        matching.country,
        matching.channel
    from matching
    inner join named
        on coalesce(matching.user_id, '') = named.user_id
        and coalesce(matching.email, '') = named.email
        and coalesce(matching.anonymous_id, '') = named.anonymous_id
    group by
        matching.event_id, matching.signal, named.node, matching.group_id, matching.occurred_at, matching.available_at,
        matching.anonymous_id, matching.country, matching.channel
)

select * from final
