-- Grain: one row per (account, signal) of the published run, three of an account at the most: what would raise its score, by the
-- model's own numbers (ml/next_action.py). Not a promise that doing it would cause a deal.
{{ config(materialized="view") }}

with

actions as (
    select * from {{ source("ml", "next_actions") }} where run_id = {{ published_run() }}
),

signals as (
    select * from {{ ref("signals") }}
),

scores as (
    select * from {{ ref("account_scores") }}
),

final as (
    select
        actions.run_id,
        actions.account_id,
        actions.signal,
        signals.label,
        actions.rank,
        actions.points,
        scores.score,
        actions.score_then,
        scores.probability,
        actions.probability_then
    from actions
    inner join signals on actions.signal = signals.signal
    inner join scores on actions.account_id = scores.account_id
)

select * from final
