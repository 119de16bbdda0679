-- Grain: one row per (account, as-of date) on which a rep's answer became known, with what it says of the account and how the account
-- went. Weak labels, kept apart from outcomes: no feature and no label of the model is made of them.

with

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

answers as (
    select
        *,
        cast(available_at as date) + 1 as as_of_date
    from {{ ref("account_dispositions") }}
),

ranked as (
    select
        *,
        row_number() over (partition by account_id, as_of_date order by said_at desc, disposition_id) as age_rank
    from answers
),

-- Deals won as they are known on the scored date.
wins as (
    select
        states.account_id,
        states.closed_at
    from {{ ref("account_opportunity_states") }} as states
    inner join scoring on states.known_from < scoring.as_of_date and states.known_until >= scoring.as_of_date
    where states.state = 'won'
),

outcomes as (
    select
        ranked.account_id,
        ranked.as_of_date,
        ranked.disposition,
        ranked.grade,
        ranked.as_of_date + {{ setting("horizon_days", "integer") }} <= scoring.as_of_date as is_mature,
        count(wins.account_id) > 0 as has_won
    from ranked
    cross join scoring
    left join wins
        on ranked.account_id = wins.account_id
        and wins.closed_at >= ranked.as_of_date
        and wins.closed_at < ranked.as_of_date + {{ setting("horizon_days", "integer") }}
    where ranked.age_rank = 1
    group by ranked.account_id, ranked.as_of_date, ranked.disposition, ranked.grade, scoring.as_of_date
),

final as (
    select
        account_id,
        as_of_date,
        disposition,
        grade,
        -- Too early, or the wrong person, says nothing of whether the account will buy.
        case disposition when 'good_lead' then true when 'not_a_fit' then false end as weak_label,
        is_mature,
        case when is_mature then has_won end as is_won
    from outcomes
)

select * from final
