-- Grain: one row per account of the published run: what to do next, by whom, until when and why.
{{ config(materialized="view") }}

select *
from {{ ref("plays_by_run") }}
where run_id = {{ published_run() }}
