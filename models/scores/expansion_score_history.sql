-- Grain: one row per (run, customer), append only: how likely each customer is to buy more, by the model that learned from customers.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs(keep_history=true) }}") }}

with

runs as (
    select * from {{ source("publishing", "runs") }} where status = 'running'
),

predictions as (
    select * from {{ source("ml", "expansion_predictions") }} where run_id = {{ running_run() }}
),

models as (
    select * from {{ source("ml", "models") }}
),

contributions as (
    select * from {{ ref("expansion_contributions_by_run") }} where run_id = {{ running_run() }}
),

rules as (
    select account_id, {{ exact_sum("points") }} as points
    from {{ source("ml", "expansion_rule_points") }}
    where run_id = {{ running_run() }}
    group by account_id
),

preset as (
    select qualified_from, hot_from from {{ ref("rule_presets") }} where in_use and purpose = 'expansion'
),

reasons as (
    {{ strongest_reasons("contributions", most_for=3, most_against=2) }}
),

phrases as (
    select
        max(case when phrase = 'expansion_headline' then text end) as headline,
        max(case when phrase = 'reasons_for' then text end) as reasons_for,
        max(case when phrase = 'reasons_against' then text end) as reasons_against
    from {{ ref("phrases") }}
),

final as (
    select
        predictions.account_id,
        predictions.run_id,
        runs.started_at as scored_at,
        predictions.as_of_date,
        predictions.model_version,
        models.rung as score_basis,
        predictions.margin,
        predictions.probability,
        predictions.probability_low,
        predictions.probability_high,
        cast(predictions.score as integer) as score,
        cast(floor(100 * percent_rank() over (order by predictions.score, predictions.margin)) as integer) as percentile,
        predictions.score >= {{ setting("expansion_ready_from", "integer") }} as is_ready,
        coalesce(rules.points, 0) as rule_points,
        {{ rule_verdict("rules.points", "preset") }} as rule_verdict,
        coalesce(reasons.up_3, '') as reasons_for,
        coalesce(reasons.down_2, '') as reasons_against,
        replace(phrases.headline, '{score}', cast(predictions.score as varchar))
        || coalesce(' ' || replace(phrases.reasons_for, '{reasons}', reasons.up_3), '')
        || coalesce(' ' || replace(phrases.reasons_against, '{reasons}', reasons.down_2), '') as summary,
        coalesce(reasons.top_signals, '[]') as top_signals
    from predictions
    cross join runs
    cross join preset
    cross join phrases
    inner join models on predictions.model_version = models.model_version
    left join rules on predictions.account_id = rules.account_id
    left join reasons on predictions.account_id = reasons.account_id
)

select * from final
