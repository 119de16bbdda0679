-- Grain: one row per Salesforce account of the published run, ready for reverse-ETL: update only, keyed by the account's id.
{{ config(materialized="view") }}

select *
from {{ ref("sync_salesforce_accounts_by_run") }}
where run_id = {{ published_run() }}
