-- Grain: one row per Mixpanel event, the first delivery of each (name, time, distinct id, insert id); one more per row of the
-- people table; and one per identity mapping. Not here: people as they were before; Mixpanel replaces that table.
{{ config(materialized="table") }}

with

raw_events as (
    {{ source_columns("mixpanel", "mp_master_event", [
        ["event_name", "varchar"], ["time", "timestamp"], ["insert_id", "varchar"],
        ["distinct_id", "varchar"], ["user_id", "varchar"], ["device_id", "varchar"], ["properties", "varchar"],
    ], required=true) }}
),

raw_people as (
    {{ source_columns("mixpanel", "mp_people_data", [["distinct_id", "varchar"], ["properties", "varchar"]]) }}
),

raw_mappings as (
    {{ source_columns("mixpanel", "mp_identity_mappings_data", [
        ["distinct_id", "varchar"], ["resolved_distinct_id", "varchar"],
    ]) }}
),

read_events as (
    select
        event_name,
        time,
        insert_id,
        distinct_id,
        coalesce(
            nullif(user_id, ''),
            {{ json_text("properties", "'$user_id'") }},
            {{ json_text("properties", "'$identified_id'") }}
        ) as user_id,
        coalesce(
            nullif(device_id, ''),
            {{ json_text("properties", "'$device_id'") }},
            case when distinct_id like '$device:%' then substr(distinct_id, 9) end
        ) as device_id,
        coalesce(
            {{ json_text("properties", "'$anon_id'") }},
            {{ json_text("properties", "'$anon_distinct_id'") }},
            {{ json_text("properties", "'alias'") }}
        ) as previous_id,
        {{ json_text("properties", setting("account_group")) }} as group_ids,
        coalesce(
            {{ moment_of_milliseconds(json_text("properties", "'mp_processing_time_ms'")) }},
            {{ moment_of_milliseconds(json_text("properties", "'$mp_api_timestamp_ms'")) }},
            time
        ) as available_at,
        coalesce(properties, '{}') as properties
    from raw_events
),

numbered as (
    select
        *,
        md5(
            event_name || chr(31) || coalesce(cast(time as varchar), '') || chr(31) || coalesce(distinct_id, '') || chr(31)
            || coalesce(insert_id, properties)
        ) as event_id,
        row_number() over (
            partition by event_name, time, distinct_id, coalesce(insert_id, properties) order by available_at, properties
        ) as delivery
    from read_events
),

events as (
    select * from numbered where delivery = 1
),

devices as (
    select distinct device_id from events where device_id is not null
),

first_seen as (
    select
        distinct_id,
        min(available_at) as available_at
    from events
    group by distinct_id
),

newest as (
    select max(available_at) as available_at from events
),

-- What holds of a person today was known at the latest when Mixpanel last changed it, or when the table was last written.
people as (
    select
        case when people.distinct_id not like '$device:%' and devices.device_id is null then people.distinct_id end as user_id,
        case
            when people.distinct_id like '$device:%' then substr(people.distinct_id, 9)
            else devices.device_id
        end as device_id,
        coalesce({{ json_text("people.properties", "'$name'") }}, {{ json_text("people.properties", "'name'") }}) as name,
        coalesce({{ json_text("people.properties", "'$email'") }}, {{ json_text("people.properties", "'email'") }}) as email,
        coalesce({{ json_text("people.properties", "'$phone'") }}, {{ json_text("people.properties", "'phone'") }}) as phone,
        coalesce(
            cast({{ json_text("people.properties", "'$last_seen'") }} as timestamp), newest.available_at
        ) as available_at,
        people.distinct_id,
        people.properties
    from raw_people as people
    left join devices on people.distinct_id = devices.device_id
    cross join newest
),

-- The mapping carries no time: it was known once both ids were. Mixpanel may choose the device's as the one that stays.
mappings as (
    select
        case when devices.device_id is null then mappings.resolved_distinct_id else mappings.distinct_id end as user_id,
        coalesce(devices.device_id, mappings.distinct_id) as previous_id,
        greatest(theirs.available_at, resolved.available_at) as available_at
    from raw_mappings as mappings
    inner join first_seen as theirs on mappings.distinct_id = theirs.distinct_id
    left join first_seen as resolved on mappings.resolved_distinct_id = resolved.distinct_id
    left join devices on mappings.resolved_distinct_id = devices.device_id
    where mappings.distinct_id <> mappings.resolved_distinct_id and mappings.resolved_distinct_id not like '$device:%'
),

messages as (
    select
        event_id,
        case
            when event_name in ('$identify', '$create_alias', '$merge') then 'alias'
            when event_name = '$mp_web_page_view' then 'page'
            else 'track'
        end as event_type,
        case
            when event_name in ('$identify', '$create_alias', '$merge') then null
            when event_name = '$mp_web_page_view' then coalesce({{ json_text("properties", "'current_url_path'") }}, event_name)
            else event_name
        end as event_name,
        case
            when user_id is not null then user_id
            when distinct_id not like '$device:%' and distinct_id <> coalesce(device_id, '') then distinct_id
        end as user_id,
        case when event_name in ('$identify', '$create_alias', '$merge') then previous_id else device_id end as anonymous_id,
        {{ first_of("group_ids") }} as group_id,
        cast(null as varchar) as email,
        least(time, available_at) as occurred_at,
        available_at,
        properties,
        {{ json_text("properties", "'mp_country_code'") }} as country,
        coalesce({{ json_text("properties", "'$device'") }}, {{ json_text("properties", "'$os'") }}) as client,
        {{ json_text("properties", "'mp_lib'") }} as library
    from events

    union all

    select
        'person:' || md5(distinct_id || chr(31) || coalesce(properties, '')), 'identify', null, user_id, device_id, null, email,
        available_at, available_at, {{ json_merged("properties", json_object_of(["name", "email", "phone"])) }}, null, null, null
    from people

    union all

    select
        'mapping:' || md5(user_id || chr(31) || previous_id), 'alias', null, user_id, previous_id, null, null,
        available_at, available_at, '{}', null, null, null
    from mappings
),

final as (
    select
        'mixpanel:' || event_id as event_id,
        'mixpanel' as source,
        event_type,
        event_name,
        user_id,
        case when anonymous_id like '$device:%' then substr(anonymous_id, 9) else anonymous_id end as anonymous_id,
        group_id,
        lower(trim(email)) as email,
        occurred_at,
        available_at,
        properties,
        country,
        {{ device_of("client") }} as device,
        case
            when library in ('web', 'js') then 'web'
            when library in ('iphone', 'swift', 'android', 'react-native', 'flutter', 'unity') then 'mobile'
            when library is not null then 'server'
        end as channel
    from messages
)

select * from final
