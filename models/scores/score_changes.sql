-- Grain: one row per (account, cause) of the published run: why its score moved since the run that was published before.
{{ config(materialized="view") }}

select *
from {{ ref("score_changes_by_run") }}
where run_id = {{ published_run() }}
