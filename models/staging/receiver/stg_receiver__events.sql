-- Grain: one row per received event; `pql load` keeps the first delivery of each id. Not here: what reps answer in the form; nobody did
-- that in the product, see `stg_feedback__dispositions`.

with

events as (
    {{ source_columns("receiver", "events", [
        ["source", "varchar"], ["message_id", "varchar"], ["event_type", "varchar"], ["event_name", "varchar"],
        ["user_id", "varchar"], ["anonymous_id", "varchar"], ["previous_id", "varchar"], ["group_id", "varchar"], ["email", "varchar"],
        ["occurred_at", "timestamp"], ["received_at", "timestamp"], ["properties", "varchar"],
        ["country", "varchar"], ["user_agent", "varchar"], ["library", "varchar"],
    ], required=true) }}
),

final as (
    select
        'receiver:' || source || ':' || message_id as event_id,
        source,
        event_type,
        event_name,
        user_id,
        coalesce(anonymous_id, previous_id) as anonymous_id,
        group_id,
        lower(trim(email)) as email,
        least(occurred_at, received_at) as occurred_at,
        received_at as available_at,
        properties,
        country,
        {{ device_of("user_agent") }} as device,
        case
            when library like '%ios%' or library like '%android%' then 'mobile'
            -- Names of Mixpanel's and PostHog's; they are what the staging of those vendors' tables knows too.
            when library in ('iphone', 'swift', 'react-native', 'flutter', 'unity', 'posthog-react-native', 'posthog-flutter') then 'mobile'
            when library like '%.js' or library in ('web', 'js') or library like 'js-%' then 'web'
            when library is not null then 'server'
            else 'api'
        end as channel
    from events
    where event_type <> 'disposition'
)

select * from final
