-- Grain: one row per group call of any source: what it says of a workspace. Not here: which company the workspace is of.
{{ config(materialized="table") }}

with

groups as (
    select
        trim(group_id) as group_id,
        properties,
        available_at
    from {{ ref("source_events") }}
    where event_type = 'group'
),

final as (
    select
        group_id,
        {{ json_text("properties", "'name'") }} as name,
        {{ host_of(json_text("properties", "'domain'")) }} as host,
        {{ host_of(json_text("properties", "'verified_domain'")) }} as verified_host,
        {{ host_of(json_text("properties", "'sso_domain'")) }} as sso_host,
        cast({{ number_or_null(json_text("properties", "'employees'")) }} as bigint) as employees,
        available_at
    from groups
    where group_id <> ''
)

select * from final
