-- Grain: one row per (run, account that Salesforce knows): the fields that reverse-ETL writes. No field is ever null, so that
-- a sync can't blank a value. `changed_at` moves only when a field does.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs() }}") }}

with

scores as (
    select * from {{ ref("account_score_history") }} where run_id = {{ running_run() }}
),

accounts as (
    select * from {{ ref("account_crm_ids") }} where crm = 'salesforce'
),

plays as (
    select * from {{ ref("plays_by_run") }} where run_id = {{ running_run() }}
),

{% set published = adapter.get_relation(this.database, this.schema, this.identifier) if execute else none -%}
previous as (
    {% if published is not none -%}
    select sync_key, row_hash, changed_at from {{ this }} where run_id = {{ published_run() }}
    {%- else -%}
    select cast(null as varchar) as sync_key, cast(null as varchar) as row_hash, cast(null as timestamp) as changed_at where 1 = 0
    {%- endif %}
),

fields as (
    select
        scores.run_id,
        scores.scored_at,
        scores.account_id as sync_key,
        accounts.crm_account_id as crm_object_id,
        scores.score as pql_score,
        scores.grade as pql_grade,
        scores.fit_tier as pql_fit_tier,
        scores.intent_tier as pql_intent_tier,
        scores.stage as pql_stage,
        scores.score_basis as pql_score_basis,
        coalesce(scores.confidence_pct, 0) as pql_confidence_pct,
        scores.summary_short as pql_summary,
        plays.play as pql_play,
        plays.reason as pql_play_reason
    from scores
    inner join accounts on scores.account_id = accounts.account_id
    inner join plays on scores.account_id = plays.account_id
),

hashed as (
    select
        *,
        md5(
            pql_score || '|' || pql_grade || '|' || pql_fit_tier || '|' || pql_intent_tier || '|' || pql_stage || '|' || pql_score_basis
            || '|' || pql_confidence_pct || '|' || pql_summary || '|' || pql_play || '|' || pql_play_reason
        ) as row_hash
    from fields
),

final as (
    select
        hashed.run_id,
        hashed.sync_key,
        hashed.crm_object_id,
        hashed.pql_score,
        hashed.pql_grade,
        hashed.pql_fit_tier,
        hashed.pql_intent_tier,
        hashed.pql_stage,
        hashed.pql_score_basis,
        hashed.pql_confidence_pct,
        hashed.pql_summary,
        hashed.pql_play,
        hashed.pql_play_reason,
        'update' as sync_action,
        hashed.row_hash,
        case when hashed.row_hash = previous.row_hash then previous.changed_at else hashed.scored_at end as changed_at
    from hashed
    left join previous on hashed.sync_key = previous.sync_key
)

select * from final
