-- A row for Salesforce carries no null in a mapped field, and no Salesforce account gets two rows.
{{ config(meta={"dagster": {"ref": {"name": "sync_salesforce_accounts_by_run"}}}) }}

with

rows_to_send as (
    select
        *,
        count(*) over (partition by crm_object_id) as rows_for_the_object
    from {{ ref("sync_salesforce_accounts_by_run") }}
    where run_id = {{ running_run() }}
),

final as (
    select *
    from rows_to_send
    where
        rows_for_the_object > 1
        or sync_key is null
        or crm_object_id is null
        or pql_score is null
        or pql_grade is null
        or pql_fit_tier is null
        or pql_intent_tier is null
        or pql_stage is null
        or pql_score_basis is null
        or pql_confidence_pct is null
        or pql_summary is null
        or pql_play is null
        or pql_play_reason is null
        or row_hash is null
        or changed_at is null
)

select * from final
