-- Counts reconcile: every customer that is not excluded for what it is has one expansion score, nobody else has one, and only those that
-- are ready for expansion stand in that stage.
{{ config(meta={"dagster": {"ref": {"name": "account_score_history"}}}) }}

with

run as (
    select run_id from {{ source("publishing", "runs") }} where status = 'running'
),

customers as (
    select cohort.account_id
    from {{ ref("account_cohort") }} as cohort
    cross join run
    where cohort.is_scoring and cohort.is_customer and cohort.cohort <> 'excluded'
),

expansion as (
    select expansion_scores.account_id, expansion_scores.is_ready
    from {{ ref("expansion_score_history") }} as expansion_scores
    inner join run on expansion_scores.run_id = run.run_id
),

scores as (
    select account_scores.account_id, account_scores.stage
    from {{ ref("account_score_history") }} as account_scores
    inner join run on account_scores.run_id = run.run_id
),

final as (
    select
        scores.account_id,
        scores.stage,
        customers.account_id is not null as is_customer,
        expansion.is_ready
    from scores
    left join customers on scores.account_id = customers.account_id
    left join expansion on scores.account_id = expansion.account_id
    where
        (customers.account_id is null) <> (expansion.account_id is null)
        or (scores.stage = 'expansion_ready') <> coalesce(expansion.is_ready, false)
)

select * from final
