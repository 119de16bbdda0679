-- Grain: one row per (customer, signal) of the published run, and one `baseline` per customer; a plain sum gives the expansion margin.
{{ config(materialized="view") }}

select *
from {{ ref("expansion_contributions_by_run") }}
where run_id = {{ published_run() }}
