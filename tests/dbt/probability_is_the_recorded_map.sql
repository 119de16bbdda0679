-- A probability and its interval are the last step of the model's recorded map that the margin reaches, within 1e-12; they
-- are null on the rules rung and nowhere else. Before the first recorded step there is nothing to read, which is a difference.
{{ config(meta={"dagster": {"ref": {"name": "account_score_history"}}}) }}

with

scores as (
    select account_id, model_version, score_basis, margin, probability, probability_low, probability_high
    from {{ ref("account_score_history") }}
    where run_id = {{ running_run() }}
    union all
    select account_id, model_version, score_basis, margin, probability, probability_low, probability_high
    from {{ ref("expansion_score_history") }}
    where run_id = {{ running_run() }}
),

steps as (
    select
        model_version,
        margin_from,
        lead(margin_from) over (partition by model_version order by margin_from) as margin_until,
        probability,
        probability_low,
        probability_high
    from {{ source("ml", "calibration_maps") }}
),

mapped as (
    select
        scores.account_id,
        scores.score_basis,
        scores.margin,
        scores.probability,
        scores.probability_low,
        scores.probability_high,
        steps.probability as mapped,
        steps.probability_low as mapped_low,
        steps.probability_high as mapped_high
    from scores
    left join steps
        on scores.model_version = steps.model_version
        and scores.margin >= steps.margin_from
        and (scores.margin < steps.margin_until or steps.margin_until is null)
),

final as (
    select *
    from mapped
    where
        case
            when score_basis = 'rules' then coalesce(probability, probability_low, probability_high) is not null
            else coalesce(abs(probability - mapped), 1) > 1e-12
                or coalesce(abs(probability_low - mapped_low), 1) > 1e-12
                or coalesce(abs(probability_high - mapped_high), 1) > 1e-12
        end
)

select * from final
