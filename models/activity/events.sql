-- Grain: one row per event of any source. Not here: who it belongs to; see `signals`.
{{ config(materialized="view") }}

select
    event_id,
    source,
    event_type,
    event_name,
    user_id,
    anonymous_id,
    group_id,
    email,
    occurred_at,
    available_at,
    properties,
    country,
    device,
    channel
from {{ ref("source_events") }}
