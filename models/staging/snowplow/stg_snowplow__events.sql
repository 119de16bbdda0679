-- Grain: one row per Snowplow event, the first delivery of each id. Not here: contexts, and events that failed validation.
{{ config(materialized="table") }}

{%- set described = snowplow_described() %}
{%- set page = ["url", "title", "referrer"] %}
{%- set structured = ["category", "action", "label", "property", "value"] %}

with

raw_events as (
    {{ source_columns("snowplow", "events", [
        ["event_id", "varchar"], ["event", "varchar"], ["event_name", "varchar"],
        ["user_id", "varchar"], ["domain_userid", "varchar"], ["network_userid", "varchar"],
        ["true_tstamp", "timestamp"], ["derived_tstamp", "timestamp"], ["dvce_created_tstamp", "timestamp"],
        ["collector_tstamp", "timestamp"], ["load_tstamp", "timestamp"],
        ["url", "varchar", "page_url"], ["path", "varchar", "page_urlpath"], ["title", "varchar", "page_title"],
        ["referrer", "varchar", "page_referrer"],
        ["category", "varchar", "se_category"], ["action", "varchar", "se_action"], ["label", "varchar", "se_label"],
        ["property", "varchar", "se_property"], ["value", "varchar", "se_value"],
        ["platform", "varchar"], ["geo_country", "varchar"], ["useragent", "varchar"],
    ] + described, required=true) }}
),

read_events as (
    select
        *,
        coalesce(true_tstamp, derived_tstamp, dvce_created_tstamp, collector_tstamp) as happened_at,
        coalesce(load_tstamp, collector_tstamp) as available_at,
        coalesce({% for column in described %}{{ column[0] }}, {% endfor %}'{}') as description
    from raw_events
),

numbered as (
    select
        *,
        row_number() over (partition by event_id order by collector_tstamp, happened_at, event_name) as delivery
    from read_events
),

final as (
    select
        'snowplow:' || event_id as event_id,
        'snowplow' as source,
        case when event = 'page_view' then 'page' else 'track' end as event_type,
        case event
            when 'page_view' then coalesce(title, path, url)
            when 'struct' then action
            else coalesce(event_name, event)
        end as event_name,
        user_id,
        coalesce(domain_userid, network_userid) as anonymous_id,
        cast(null as varchar) as group_id,
        cast(null as varchar) as email,
        least(happened_at, collector_tstamp) as occurred_at,
        available_at,
        {{ json_merged(
            json_object_of(page), "case event when 'struct' then " ~ json_object_of(structured) ~ " else description end"
        ) }} as properties,
        geo_country as country,
        {{ device_of("useragent") }} as device,
        case platform
            when 'web' then 'web'
            when 'mob' then 'mobile'
            when 'srv' then 'server'
        end as channel
    from numbered
    where delivery = 1
)

select * from final
