-- Grain: one row per account of the run under way: the score from marketing touches alone (MQL) beside the score (PQL).

with

scores as (
    select * from {{ ref("account_score_history") }} where run_id = {{ running_run() }}
),

points as (
    select points.*
    from {{ ref("account_marketing_points") }} as points
    inner join {{ ref("as_of_dates") }} as as_of_dates on points.as_of_date = as_of_dates.as_of_date and as_of_dates.is_scoring
),

judged as (
    select
        scores.account_id,
        scores.as_of_date,
        scores.score,
        scores.grade,
        coalesce(points.marketing_score, 0) as marketing_score,
        coalesce(points.touches, 0) as touches,
        coalesce(points.marketing_score, 0) >= {{ setting("mql_minimum_score", "integer") }} as is_mql,
        scores.grade in ('A', 'B') as is_pql
    from scores
    left join points on scores.account_id = points.account_id
),

final as (
    select
        account_id,
        as_of_date,
        marketing_score,
        touches,
        is_mql,
        score,
        grade,
        is_pql,
        case
            when is_mql and is_pql then 'both'
            when is_pql then 'pql_only'
            when is_mql then 'mql_only'
            else 'neither'
        end as agreement
    from judged
)

select * from final
