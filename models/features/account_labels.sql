-- Grain: one row per (account, as-of date): whether a deal was won in [as-of date, as-of date + horizon). A label is mature
-- once the whole horizon has been observed; an immature one is not a loss.

with

cohort as (
    select * from {{ ref("account_cohort") }}
),

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

wins as (
    select * from {{ ref("account_opportunities") }}
    where is_won and opportunity_type = 'new_business'
),

won as (
    select
        cohort.account_id,
        cohort.as_of_date,
        min(wins.closed_at) as won_at,
        {{ exact_sum("wins.amount", 4) }} as amount
    from cohort
    inner join wins
        on cohort.account_id = wins.account_id
        and wins.closed_at >= cohort.as_of_date
        and wins.closed_at < cohort.as_of_date + {{ setting("horizon_days", "integer") }}
    inner join scoring
        on wins.closed_available_at < scoring.as_of_date
        and (wins.deleted_available_at is null or wins.deleted_available_at >= scoring.as_of_date)
    group by cohort.account_id, cohort.as_of_date
),

final as (
    select
        cohort.account_id,
        cohort.as_of_date,
        won.won_at is not null as is_won,
        won.won_at,
        won.amount,
        cohort.as_of_date + {{ setting("horizon_days", "integer") }} <= scoring.as_of_date as is_mature
    from cohort
    cross join scoring
    left join won on cohort.account_id = won.account_id and cohort.as_of_date = won.as_of_date
)

select * from final
