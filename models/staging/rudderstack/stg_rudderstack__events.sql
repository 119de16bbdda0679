-- Grain: one row per RudderStack message, the first delivery of each id. Not here: `users`, which holds only the latest traits.
{{ config(materialized="table") }}

{{ segment_events("rudderstack") }}
