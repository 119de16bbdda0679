-- Grain: one row per identify call of any source: what it says of a person. Not here: who the person is.
{{ config(materialized="table") }}

with

identifies as (
    select * from {{ ref("source_events") }} where event_type = 'identify'
),

final as (
    select
        user_id,
        email,
        {{ json_text("properties", "'name'") }} as name,
        {{ json_text("properties", "'title'") }} as title,
        {{ json_text("properties", "'department'") }} as department,
        available_at
    from identifies
)

select * from final
