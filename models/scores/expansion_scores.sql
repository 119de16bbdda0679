-- Grain: one row per customer of the published run: how likely it is to buy more, and why. Older runs are in `expansion_score_history`.
{{ config(materialized="view") }}

select *
from {{ ref("expansion_score_history") }}
where run_id = {{ published_run() }}
