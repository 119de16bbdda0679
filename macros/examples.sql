{#- Metrics beside their label: one piece of SQL for training and scoring, so that a model meets what it was trained on. -#}
{% macro examples(condition) -%}
with

metrics as (
    select * from {{ ref("account_metrics") }}
),

cohort as (
    select * from {{ ref("account_cohort") }}
),

labels as (
    select * from {{ ref("account_labels") }}
),

final as (
    select
        metrics.*,
        cohort.cohort,
        cohort.cohort = 'eligible' as is_eligible,
        labels.is_won,
        labels.won_at,
        labels.amount,
        labels.outcome,
        labels.lost_at,
        labels.disqualified_at,
        labels.self_serve_paid_at,
        labels.is_expanded,
        labels.expanded_at,
        labels.expansion_amount,
        labels.is_mature,
        labels.censored_by
    from metrics
    inner join cohort on metrics.account_id = cohort.account_id and metrics.as_of_date = cohort.as_of_date
    inner join labels on metrics.account_id = labels.account_id and metrics.as_of_date = labels.as_of_date
    where {{ condition }}
)

select * from final
{%- endmacro %}
