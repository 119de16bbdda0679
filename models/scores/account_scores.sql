-- Grain: one row per account of the published run: the product. Not here: runs under way or failed, and older runs, which
-- are in `account_score_history`.
{{ config(materialized="view") }}

select *
from {{ ref("account_score_history") }}
where run_id = {{ published_run() }}
