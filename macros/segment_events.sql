{#-
    The events of a warehouse schema in Segment's shape, which is RudderStack's too: one row per message, the first delivery of
    each id. Of the four times `timestamp` is when it happened by the vendor's clock; where a loader left it out it is worked out
    as the vendors do. A table or column that is not there yet reads as nothing.
-#}
{% macro segment_events(source_name) -%}
{%- set context = [
    ["id", "varchar"], ["anonymous_id", "varchar"], ["user_id", "varchar"], ["context_group_id", "varchar"],
    ["context_user_agent", "varchar"], ["context_library_name", "varchar"], ["context_location_country", "varchar"],
    ["received_at", "timestamp"], ["sent_at", "timestamp"], ["original_timestamp", "timestamp"], ["timestamp", "timestamp"],
] -%}
{#- In Segment's tables a column `channel` is a property; RudderStack writes its own. -#}
{%- if source_name == "rudderstack" -%}{%- do context.append(["channel", "varchar"]) -%}{%- endif -%}
{%- set page = [["path", "varchar"], ["url", "varchar"], ["title", "varchar"], ["referrer", "varchar"]] -%}
{%- set page = page + segment_properties(source_name, "pages", ["name", "path", "url", "title", "referrer"]) -%}
{%- set screen = segment_properties(source_name, "screens", ["name"]) -%}
{%- set traits = [["name", "varchar"], ["title", "varchar"]] -%}
{%- set traits = traits + segment_properties(source_name, "identifies", ["email", "name", "title"]) -%}
{%- set group_traits = [
    ["name", "varchar"], ["domain", "varchar"], ["plan", "varchar"], ["employees", "bigint"], ["verified_domain", "varchar"],
    ["sso_domain", "varchar"],
] -%}
{%- set group_traits = group_traits + segment_properties(source_name, "groups", ["group_id"] + group_traits | map("first") | list) -%}

with

tracks as (
    {{ source_columns(source_name, "tracks", context + [["event", "varchar"], ["event_text", "varchar"]], required=true) }}
),

track_properties as (
    {{ segment_track_properties(source_name) }}
),

pages as (
    {{ source_columns(source_name, "pages", context + [["name", "varchar"]] + page) }}
),

screens as (
    {{ source_columns(source_name, "screens", context + [["name", "varchar"]] + screen) }}
),

identifies as (
    {{ source_columns(source_name, "identifies", context + [["email", "varchar"]] + traits) }}
),

groups as (
    {{ source_columns(source_name, "groups", context + [["group_id", "varchar"]] + group_traits) }}
),

aliases as (
    {{ source_columns(source_name, "aliases", context + [["previous_id", "varchar"]]) }}
),

{% set calls = [
    ("pages", "page", "coalesce(name, path)", "anonymous_id", "context_group_id", none, page),
    ("screens", "screen", "name", "anonymous_id", "context_group_id", none, screen),
    ("identifies", "identify", none, "anonymous_id", "context_group_id", "email", traits),
    ("groups", "group", none, "anonymous_id", "group_id", none, group_traits),
    ("aliases", "alias", none, "coalesce(anonymous_id, previous_id)", "context_group_id", none, [["previous_id"]]),
] -%}
messages as (
    select
        tracks.id, 'track' as event_type, coalesce(tracks.event_text, tracks.event) as event_name,
        tracks.user_id, tracks.anonymous_id, tracks.context_group_id as group_id, cast(null as varchar) as email,
        tracks.timestamp, tracks.original_timestamp, tracks.sent_at, tracks.received_at,
        coalesce(track_properties.properties, '{}') as properties,
        tracks.context_location_country, tracks.context_user_agent, tracks.context_library_name,
        {{ "tracks.channel" if source_name == "rudderstack" else "cast(null as varchar)" }} as channel
    from tracks
    left join track_properties on tracks.id = track_properties.id
    {% for table, event_type, event_name, anonymous_id, group_id, email, properties in calls %}
    union all

    select
        id, '{{ event_type }}', {{ event_name or "null" }}, user_id, {{ anonymous_id }}, {{ group_id }}, {{ email or "null" }},
        timestamp, original_timestamp, sent_at, received_at, {{ json_object_of(properties | map("first") | list) }},
        context_location_country, context_user_agent, context_library_name,
        {{ "channel" if source_name == "rudderstack" else "null" }}
    from {{ table }}
    {% endfor -%}
),

numbered as (
    select
        *,
        row_number() over (partition by id order by received_at, timestamp, event_type, properties) as delivery
    from messages
),

final as (
    select
        '{{ source_name }}:' || id as event_id,
        '{{ source_name }}' as source,
        event_type,
        event_name,
        user_id,
        anonymous_id,
        group_id,
        lower(trim(email)) as email,
        least(coalesce(timestamp, received_at - (sent_at - original_timestamp), received_at), received_at) as occurred_at,
        received_at as available_at,
        properties,
        context_location_country as country,
        {{ device_of("context_user_agent") }} as device,
        case
            when channel in ('web', 'mobile', 'server') then channel
            when context_library_name like '%ios%' or context_library_name like '%android%' then 'mobile'
            when context_library_name like '%.js' then 'web'
            when context_library_name is not null then 'server'
        end as channel
    from numbered
    where delivery = 1
)

select * from final
{%- endmacro %}
