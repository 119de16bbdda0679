-- Grain: one row per agreement of the two scores (both, pql_only, mql_only, neither) and per score alone (mql, pql): how many of these
-- accounts were won within the horizon. Looked at are accounts of past dates with a known outcome, scored by what was known one horizon
-- earlier (`ml.judged_accounts`); while rules score there are none, and so no rows.

with

runs as (
    select * from {{ source("publishing", "runs") }} where status = 'running'
),

judged as (
    {{ source_columns("ml", "judged_accounts", [
        ["model_version", "varchar"], ["account_id", "varchar"], ["as_of_date", "date"], ["margin", "double"], ["is_won", "integer"],
    ]) }}
),

-- Margins are on one scale for the model: whoever reaches the lowest that has a grade of B today would have had it then.
threshold as (
    select
        scores.model_version,
        min(scores.margin) as margin
    from {{ ref("account_score_history") }} as scores
    inner join runs on scores.run_id = runs.run_id and scores.model_version = runs.model_version
    inner join {{ ref("bands") }} as bands on bands.grade = 'B' and bands.segment is null and scores.score >= bands.minimum_score
    group by scores.model_version
),

seen as (
    select
        judged.account_id,
        judged.as_of_date,
        judged.is_won,
        judged.margin >= threshold.margin as is_pql,
        coalesce(points.marketing_score, 0) >= {{ setting("mql_minimum_score", "integer") }} as is_mql
    from judged
    inner join threshold on judged.model_version = threshold.model_version
    left join {{ ref("account_marketing_points") }} as points
        on judged.account_id = points.account_id and judged.as_of_date = points.as_of_date
),

grouped as (
    select
        case
            when is_mql and is_pql then 'both'
            when is_pql then 'pql_only'
            when is_mql then 'mql_only'
            else 'neither'
        end as accounts_of,
        is_won
    from seen

    union all

    select 'pql', is_won from seen where is_pql

    union all

    select 'mql', is_won from seen where is_mql
),

counted as (
    select
        accounts_of,
        count(*) as accounts,
        cast(sum(is_won) as bigint) as won_accounts
    from grouped
    group by accounts_of
),

rated as (
    select *, won_accounts / cast(accounts as double) as won_rate from counted
),

final as (
    select
        accounts_of,
        accounts,
        won_accounts,
        won_rate,
        {{ wilson_bound("won_rate", "accounts", "-") }} as won_rate_low,
        {{ wilson_bound("won_rate", "accounts", "+") }} as won_rate_high
    from rated
)

select * from final
