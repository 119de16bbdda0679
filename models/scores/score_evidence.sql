-- Grain: one row per (account, signal, event) of the published run: the events behind each reason.
{{ config(materialized="view") }}

select *
from {{ ref("score_evidence_by_run") }}
where run_id = {{ published_run() }}
