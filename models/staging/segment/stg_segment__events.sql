-- Grain: one row per Segment message, the first delivery of each id. Not here: `users`, which holds only the latest traits.
{{ config(materialized="table") }}

{%- set context = [
    ["id", "varchar"], ["anonymous_id", "varchar"], ["user_id", "varchar"], ["context_group_id", "varchar"],
    ["context_user_agent", "varchar"], ["context_library_name", "varchar"], ["context_location_country", "varchar"],
    ["received_at", "timestamp"], ["timestamp", "timestamp"],
] %}
{%- set traits = [["name", "varchar"], ["title", "varchar"]] + segment_traits("identifies", ["email", "name", "title"]) %}

with

tracks as (
    {{ source_columns("segment", "tracks", context + [["event", "varchar"], ["event_text", "varchar"]], required=true) }}
),

track_properties as (
    {{ segment_track_properties() }}
),

pages as (
    {{ source_columns("segment", "pages", context + [
        ["name", "varchar"], ["path", "varchar"], ["url", "varchar"], ["title", "varchar"], ["referrer", "varchar"],
    ]) }}
),

identifies as (
    {{ source_columns("segment", "identifies", context + [["email", "varchar"]] + traits) }}
),

groups as (
    {{ source_columns("segment", "groups", context + [
        ["group_id", "varchar"], ["name", "varchar"], ["domain", "varchar"], ["plan", "varchar"], ["employees", "bigint"],
        ["verified_domain", "varchar"], ["sso_domain", "varchar"],
    ]) }}
),

aliases as (
    {{ source_columns("segment", "aliases", context + [["previous_id", "varchar"]]) }}
),

messages as (
    select
        tracks.id, 'track' as event_type, coalesce(tracks.event_text, tracks.event) as event_name,
        tracks.user_id, tracks.anonymous_id, tracks.context_group_id as group_id, cast(null as varchar) as email,
        tracks.timestamp, tracks.received_at,
        coalesce(track_properties.properties, '{}') as properties,
        tracks.context_location_country, tracks.context_user_agent, tracks.context_library_name
    from tracks
    left join track_properties on tracks.id = track_properties.id

    union all

    select
        id, 'page', coalesce(name, path), user_id, anonymous_id, context_group_id, null,
        timestamp, received_at, {{ json_object_of(["path", "url", "title", "referrer"]) }},
        context_location_country, context_user_agent, context_library_name
    from pages

    union all

    select
        id, 'identify', null, user_id, anonymous_id, context_group_id, email,
        timestamp, received_at, {{ json_object_of(traits | map("first") | list) }},
        context_location_country, context_user_agent, context_library_name
    from identifies

    union all

    select
        id, 'group', null, user_id, anonymous_id, group_id, null,
        timestamp, received_at,
        {{ json_object_of(["name", "domain", "plan", "employees", "verified_domain", "sso_domain"]) }},
        context_location_country, context_user_agent, context_library_name
    from groups

    union all

    select
        id, 'alias', null, user_id, coalesce(anonymous_id, previous_id), context_group_id, null,
        timestamp, received_at, {{ json_object_of(["previous_id"]) }},
        context_location_country, context_user_agent, context_library_name
    from aliases
),

numbered as (
    select
        *,
        row_number() over (partition by id order by received_at, timestamp, event_type, properties) as delivery
    from messages
),

final as (
    select
        'segment:' || id as event_id,
        'segment' as source,
        event_type,
        event_name,
        user_id,
        anonymous_id,
        group_id,
        lower(email) as email,
        least(timestamp, received_at) as occurred_at,
        received_at as available_at,
        properties,
        context_location_country as country,
        {{ device_of("context_user_agent") }} as device,
        case
            when context_library_name like '%ios%' or context_library_name like '%android%' then 'mobile'
            when context_library_name like '%.js' then 'web'
            when context_library_name is not null then 'server'
        end as channel
    from numbered
    where delivery = 1
)

select * from final
