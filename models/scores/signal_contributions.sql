-- Grain: one row per (account, signal) of the published run, and one `baseline` per account; a plain sum gives the margin.
{{ config(materialized="view") }}

select *
from {{ ref("signal_contributions_by_run") }}
where run_id = {{ published_run() }}
