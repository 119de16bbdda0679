-- The contributions of an account, baseline included, sum to its margin within 1e-9; so do the parts that its score shows. So do those
-- of a customer to its expansion margin.
{{ config(meta={"dagster": {"ref": {"name": "account_score_history"}}}) }}

with

predictions as (
    select * from {{ source("ml", "predictions") }} where run_id = {{ running_run() }}
),

sums as (
    select account_id, sum(contribution) as margin
    from {{ ref("signal_contributions_by_run") }}
    where run_id = {{ running_run() }}
    group by account_id
),

scores as (
    select
        account_id,
        margin,
        baseline_margin + fit_margin + intent_margin + readiness_margin as margin_of_parts
    from {{ ref("account_score_history") }}
    where run_id = {{ running_run() }}
),

expansion_sums as (
    select account_id, sum(contribution) as margin
    from {{ ref("expansion_contributions_by_run") }}
    where run_id = {{ running_run() }}
    group by account_id
),

expansion_scores as (
    select account_id, margin from {{ ref("expansion_score_history") }} where run_id = {{ running_run() }}
),

expansion_predictions as (
    select * from {{ source("ml", "expansion_predictions") }} where run_id = {{ running_run() }}
),

of_accounts as (
    select
        predictions.account_id,
        predictions.margin,
        sums.margin as margin_of_contributions,
        scores.margin_of_parts,
        scores.margin as margin_of_score
    from predictions
    left join sums on predictions.account_id = sums.account_id
    left join scores on predictions.account_id = scores.account_id
    where
        -- A missing sum is a difference too.
        coalesce(abs(predictions.margin - sums.margin), 1) > 1e-9
        or coalesce(abs(predictions.margin - scores.margin_of_parts), 1) > 1e-9
        or coalesce(abs(predictions.margin - scores.margin), 1) > 1e-9
),

of_customers as (
    select
        expansion_predictions.account_id,
        expansion_predictions.margin,
        expansion_sums.margin,
        null,
        expansion_scores.margin
    from expansion_predictions
    left join expansion_sums on expansion_predictions.account_id = expansion_sums.account_id
    left join expansion_scores on expansion_predictions.account_id = expansion_scores.account_id
    where
        coalesce(abs(expansion_predictions.margin - expansion_sums.margin), 1) > 1e-9
        or coalesce(abs(expansion_predictions.margin - expansion_scores.margin), 1) > 1e-9
),

final as (
    select * from of_accounts
    union all
    select * from of_customers
)

select * from final
