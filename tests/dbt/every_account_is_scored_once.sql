-- Counts reconcile from examples to predictions to scores to plays: the same accounts in each, none lost and none added.
{{ config(meta={"dagster": {"ref": {"name": "plays_by_run"}}}) }}

with

run as (
    select run_id from {{ source("publishing", "runs") }} where status = 'running'
),

accounts_by_step as (
    select 'example' as step, scoring_examples.account_id
    from {{ ref("scoring_examples") }} as scoring_examples
    cross join run

    union all

    select 'prediction', predictions.account_id
    from {{ source("ml", "predictions") }} as predictions
    inner join run on predictions.run_id = run.run_id

    union all

    select 'score', scores.account_id
    from {{ ref("account_score_history") }} as scores
    inner join run on scores.run_id = run.run_id

    union all

    select 'play', plays.account_id
    from {{ ref("plays_by_run") }} as plays
    inner join run on plays.run_id = run.run_id
),

final as (
    select
        account_id,
        min(step) as first_step,
        max(step) as last_step,
        count(*) as steps
    from accounts_by_step
    group by account_id
    having count(distinct step) <> 4 or count(*) <> 4
)

select * from final
