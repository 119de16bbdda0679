-- Grain: one row per Amplitude event, the first delivery of each insert id; one more per state of a user's and of a group's
-- properties, which Amplitude repeats on every event; and one per (device, user) that it merged. Not here: sessions.
{{ config(materialized="table") }}

with recursive

raw_events as (
    {{ source_columns("amplitude", "event", [
        ["event_id", "varchar", ["_insert_id", "$insert_id", "insert_id", "uuid", "id"]], ["uuid", "varchar", ["uuid", "id"]],
        ["amplitude_id", "varchar", ["amplitude_id", "$amplitude_id"]], ["user_id", "varchar"], ["device_id", "varchar"],
        ["event_type", "varchar", ["event_type", "amplitude_event_type"]],
        ["event_time", "timestamp"], ["client_event_time", "timestamp"], ["client_upload_time", "timestamp"],
        ["server_received_time", "timestamp"], ["server_upload_time", "timestamp"], ["processed_time", "timestamp"],
        ["event_properties", "varchar"], ["user_properties", "varchar"], ["groups", "varchar"], ["group_properties", "varchar"],
        ["country", "varchar"], ["platform", "varchar"], ["library", "varchar"], ["device_type", "varchar", ["device_type", "device_family"]],
    ], required=true) }}
),

raw_mergers as (
    {{ source_columns("amplitude", "merge_ids", [
        ["amplitude_id", "varchar"], ["merged_amplitude_id", "varchar"],
        ["merged_at", "varchar", ["merge_server_time", "merge_event_time", "merge_time"]],
    ]) }}
),

-- A timestamp in warehouses, milliseconds in files.
mergers as (
    select
        amplitude_id,
        merged_amplitude_id,
        case
            when {{ number_or_null("merged_at") }} is null then cast(merged_at as timestamp)
            else {{ moment_of_milliseconds("merged_at") }}
        end as merged_at
    from raw_mergers
),

timed as (
    select
        coalesce(event_id, uuid) as event_id,
        amplitude_id,
        nullif(user_id, '') as user_id,
        nullif(device_id, '') as device_id,
        event_type as event_name,
        case event_type
            when '$identify' then 'identify'
            when '$groupidentify' then 'group'
            when '[Amplitude] Page Viewed' then 'page'
            when '[Amplitude] Screen Viewed' then 'screen'
            else 'track'
        end as event_type,
        coalesce(event_time, server_received_time - (client_upload_time - client_event_time), client_event_time) as event_time,
        coalesce(server_upload_time, server_received_time, processed_time, event_time) as available_at,
        coalesce(event_properties, '{}') as event_properties,
        coalesce(user_properties, '{}') as user_properties,
        {{ group_of("groups") }} as group_id,
        {{ json_text("group_properties", group_kind_of("groups")) }} as properties_by_group,
        country,
        {{ device_of("device_type") }} as device,
        case
            when lower(platform) in ('ios', 'android') then 'mobile'
            when lower(platform) = 'web' then 'web'
            when library is not null then 'server'
        end as channel
    from raw_events
),

numbered as (
    select
        *,
        least(coalesce(event_time, available_at), available_at) as occurred_at,
        coalesce({{ json_text("properties_by_group", "group_id") }}, '{}') as own_group_properties,
        row_number() over (partition by event_id order by available_at, event_time, event_name, event_properties) as delivery
    from timed
),

events as (
    select * from numbered where delivery = 1
),

-- What a user's properties were is exported with each event; that they changed not always.
user_states as (
    select
        *,
        row_number() over (partition by user_id, user_properties order by available_at, occurred_at, event_id) as sighting
    from events
    where user_id is not null and user_properties <> '{}'
),

group_states as (
    select
        *,
        row_number() over (partition by group_id, own_group_properties order by available_at, occurred_at, event_id) as sighting
    from events
    where group_id is not null and own_group_properties <> '{}'
),

-- A user that was merged may be merged again.
paths as (
    select
        amplitude_id,
        merged_amplitude_id,
        merged_at,
        1 as steps
    from mergers

    union all

    select
        paths.amplitude_id,
        mergers.merged_amplitude_id,
        greatest(paths.merged_at, mergers.merged_at),
        paths.steps + 1
    from paths
    inner join mergers on paths.merged_amplitude_id = mergers.amplitude_id
    where paths.steps < 10
),

devices as (
    select
        amplitude_id,
        device_id,
        min(available_at) as available_at
    from events
    where device_id is not null
    group by amplitude_id, device_id
),

users as (
    select
        amplitude_id,
        user_id,
        min(available_at) as available_at
    from events
    where user_id is not null
    group by amplitude_id, user_id
),

merged as (
    select
        devices.device_id,
        users.user_id,
        min(greatest(paths.merged_at, devices.available_at, users.available_at)) as available_at
    from paths
    inner join devices on paths.amplitude_id = devices.amplitude_id
    inner join users on paths.merged_amplitude_id = users.amplitude_id
    group by devices.device_id, users.user_id
),

messages as (
    select
        event_id,
        event_type,
        case event_type
            when 'page' then {{ json_text("event_properties", "'[Amplitude] Page Path'") }}
            when 'screen' then {{ json_text("event_properties", "'[Amplitude] Screen Name'") }}
            when 'track' then event_name
        end as event_name,
        user_id,
        device_id as anonymous_id,
        group_id,
        case when event_type = 'identify' then {{ json_text("user_properties", "'email'") }} end as email,
        occurred_at,
        available_at,
        case event_type
            when 'identify' then user_properties
            when 'group' then own_group_properties
            else event_properties
        end as properties,
        country,
        device,
        channel
    from events

    union all

    select
        event_id || ':user', 'identify', null, user_id, device_id, group_id, {{ json_text("user_properties", "'email'") }},
        occurred_at, available_at, user_properties, country, device, channel
    from user_states
    where sighting = 1 and event_type <> 'identify'

    union all

    select
        event_id || ':group', 'group', null, user_id, device_id, group_id, null,
        occurred_at, available_at, own_group_properties, country, device, channel
    from group_states
    where sighting = 1 and event_type <> 'group'

    union all

    select
        'merge:' || device_id || ':' || user_id, 'alias', null, user_id, device_id, null, null,
        available_at, available_at, '{}', null, null, null
    from merged
),

final as (
    select
        'amplitude:' || event_id as event_id,
        'amplitude' as source,
        event_type,
        event_name,
        user_id,
        anonymous_id,
        group_id,
        lower(trim(email)) as email,
        occurred_at,
        available_at,
        properties,
        country,
        device,
        channel
    from messages
)

select * from final
