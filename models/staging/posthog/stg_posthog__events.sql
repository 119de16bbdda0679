-- Grain: one row per PostHog event, the first delivery of each uuid. Not here: persons; what their events set is.
{{ config(materialized="table") }}

with

raw_events as (
    {{ source_columns("posthog", "events", [
        ["uuid", "varchar"], ["event", "varchar"], ["distinct_id", "varchar"], ["properties", "varchar"],
        ["set", "varchar", ["set", "people_set"]], ["set_once", "varchar", ["set_once", "people_set_once"]],
        ["timestamp", "timestamp"],
        ["ingested_at", "timestamp", ["bq_ingested_timestamp", "inserted_at", "_inserted_at", "created_at"]],
    ], required=true) }}
),

read_events as (
    select
        uuid,
        event,
        case
            when event in ('$identify', '$set') then 'identify'
            when event = '$groupidentify' then 'group'
            when event in ('$create_alias', '$merge_dangerously') then 'alias'
            when event = '$pageview' then 'page'
            when event = '$screen' then 'screen'
            else 'track'
        end as event_type,
        distinct_id,
        {{ json_text("properties", "'$device_id'") }} as device_id,
        coalesce({{ json_text("properties", "'$anon_distinct_id'") }}, {{ json_text("properties", "'$device_id'") }}) as anonymous_id,
        {{ json_text("properties", "'alias'") }} as alias,
        {{ json_text("properties", "'$groups'") }} as groups,
        {{ json_text("properties", "'$group_type'") }} as group_type,
        {{ json_text("properties", "'$group_key'") }} as group_key,
        {{ json_text("properties", "'$group_set'") }} as group_properties,
        {{ json_merged(
            json_merged(json_text("properties", "'$set_once'"), json_text("properties", "'$set'")), json_merged("set_once", '"set"')
        ) }} as traits,
        coalesce({{ json_text("properties", "'$process_person_profile'") }}, 'true') as has_person,
        {{ json_text("properties", "'$lib'") }} as library,
        {{ json_text("properties", "'$raw_user_agent'") }} as user_agent,
        {{ json_text("properties", "'$geoip_country_code'") }} as country,
        coalesce(properties, '{}') as properties,
        timestamp,
        coalesce(ingested_at, timestamp) as available_at
    from raw_events
),

numbered as (
    select
        *,
        row_number() over (partition by uuid order by available_at, timestamp, event, properties) as delivery
    from read_events
),

-- Before somebody is identified the distinct id is the device's. The id of an event about a group is the SDK's own invention.
identified as (
    select
        *,
        case
            when event_type = 'group' or has_person = 'false' or distinct_id = device_id then null
            -- Its alias(previous, new) sends the old id as the distinct one.
            when event_type = 'alias' and library = 'posthog-python' then alias
            else distinct_id
        end as user_id,
        case
            when event_type = 'group' then null
            when event_type = 'alias' and library = 'posthog-python' then distinct_id
            when event_type = 'alias' then alias
            when has_person = 'false' then coalesce(anonymous_id, distinct_id)
            else anonymous_id
        end as own_anonymous_id,
        case
            when event_type <> 'group' then {{ group_of("groups") }}
            when coalesce({{ setting("account_group") }}, group_type) = group_type then group_key
        end as group_id
    from numbered
    where delivery = 1
),

final as (
    select
        'posthog:' || uuid as event_id,
        'posthog' as source,
        event_type,
        case event_type
            when 'page' then coalesce({{ json_text("properties", "'$pathname'") }}, event)
            when 'screen' then coalesce({{ json_text("properties", "'$screen_name'") }}, event)
            when 'track' then event
        end as event_name,
        user_id,
        own_anonymous_id as anonymous_id,
        group_id,
        case when event_type <> 'group' then lower(trim({{ json_text("traits", "'email'") }})) end as email,
        least(timestamp, available_at) as occurred_at,
        available_at,
        case event_type
            when 'identify' then traits
            when 'group' then coalesce(group_properties, '{}')
            else properties
        end as properties,
        country,
        {{ device_of("user_agent") }} as device,
        case
            when library = 'web' then 'web'
            when library in ('posthog-ios', 'posthog-android', 'posthog-react-native', 'posthog-flutter') then 'mobile'
            when library is not null then 'server'
        end as channel
    from identified
)

select * from final
