-- Grain: one row per (segment, grade A or B) of the published run: a proposal to look at each quarter; nothing applies it.
{{ config(materialized="view") }}

select
    run_id,
    segment,
    grade,
    minimum_score,
    proposed_minimum,
    proposed_by,
    proposed_low,
    proposed_high,
    converters,
    others,
    converters_reached,
    others_reached,
    converters_reached_proposed,
    others_reached_proposed,
    verdict
from {{ source("ml", "band_review") }}
where run_id = {{ published_run() }}
