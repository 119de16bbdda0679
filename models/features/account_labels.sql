-- Grain: one row per (account, as-of date): how it went in [as-of date, as-of date + horizon), as known on the scored date. A
-- label is mature once the whole horizon has been observed and nothing of it is still open; an immature one is not a loss.

with

cohort as (
    select * from {{ ref("account_cohort") }}
),

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

-- Each deal as it was known on the scored date, with the moment that decides which windows it belongs to.
deals as (
    select
        states.account_id,
        states.opportunity_type,
        states.state,
        states.amount,
        states.closed_at,
        case when {{ setting("label_anchor") }} = 'opportunity_created' then states.created_at else states.closed_at end as anchored_at
    from {{ ref("account_opportunity_states") }} as states
    inner join scoring on states.known_from < scoring.as_of_date and states.known_until >= scoring.as_of_date
),

in_window as (
    select
        cohort.account_id,
        cohort.as_of_date,
        case when cohort.is_customer and deals.opportunity_type = 'expansion' then deals.state end as expansion_state,
        case when deals.opportunity_type = 'new_business' then deals.state end as new_business_state,
        deals.amount,
        deals.closed_at
    from cohort
    inner join deals
        on cohort.account_id = deals.account_id
        and deals.anchored_at >= cohort.as_of_date
        and deals.anchored_at < cohort.as_of_date + {{ setting("horizon_days", "integer") }}
),

outcomes as (
    select
        account_id,
        as_of_date,
        min(case when new_business_state = 'won' then closed_at end) as won_at,
        {{ exact_sum("case when new_business_state = 'won' then amount end", 4) }} as amount,
        min(case when new_business_state = 'lost' then closed_at end) as lost_at,
        min(case when new_business_state = 'disqualified' then closed_at end) as disqualified_at,
        max(case when new_business_state = 'open' then 1 else 0 end) as has_open_deal,
        min(case when expansion_state = 'won' then closed_at end) as expanded_at,
        max(case when expansion_state = 'open' then 1 else 0 end) as has_open_expansion,
        {{ exact_sum("case when expansion_state = 'won' then amount end", 4) }} as expansion_amount
    from in_window
    group by account_id, as_of_date
),

first_wins as (
    select
        account_id,
        min(closed_at) as closed_at
    from deals
    where state = 'won'
    group by account_id
),

-- A subscription whose amount is not known is not taken for a paid one.
self_serve as (
    select
        reach.target as account_id,
        subscriptions.started_at
    from {{ ref("stg_billing__subscriptions") }} as subscriptions
    inner join {{ ref("organisation_reach") }} as reach on 'workspace:' || subscriptions.group_id = reach.node
    inner join scoring on subscriptions.available_at < scoring.as_of_date and reach.available_at < scoring.as_of_date
    left join first_wins on reach.target = first_wins.account_id
    where
        subscriptions.amount_monthly > 0
        and (first_wins.closed_at is null or first_wins.closed_at > subscriptions.started_at)
),

paid as (
    select
        cohort.account_id,
        cohort.as_of_date,
        min(self_serve.started_at) as self_serve_paid_at
    from cohort
    inner join self_serve
        on cohort.account_id = self_serve.account_id
        and self_serve.started_at >= cohort.as_of_date
        and self_serve.started_at < cohort.as_of_date + {{ setting("horizon_days", "integer") }}
    group by cohort.account_id, cohort.as_of_date
),

judged as (
    select
        cohort.account_id,
        cohort.as_of_date,
        cohort.is_customer,
        outcomes.won_at,
        outcomes.amount,
        outcomes.lost_at,
        outcomes.disqualified_at,
        paid.self_serve_paid_at,
        outcomes.expanded_at,
        outcomes.expansion_amount,
        outcomes.has_open_expansion = 1 and outcomes.expanded_at is null as is_expansion_open,
        least(
            coalesce(outcomes.lost_at, {{ the_end_of_time() }}),
            coalesce(outcomes.disqualified_at, {{ the_end_of_time() }}),
            coalesce(paid.self_serve_paid_at, {{ the_end_of_time() }})
        ) as first_other_at,
        case
            when cohort.as_of_date + {{ setting("horizon_days", "integer") }} > scoring.as_of_date then 'horizon'
            when outcomes.has_open_deal = 1 and outcomes.won_at is null then 'open_deal'
        end as censored_by
    from cohort
    cross join scoring
    left join outcomes on cohort.account_id = outcomes.account_id and cohort.as_of_date = outcomes.as_of_date
    left join paid on cohort.account_id = paid.account_id and cohort.as_of_date = paid.as_of_date
),

final as (
    select
        account_id,
        as_of_date,
        won_at is not null as is_won,
        won_at,
        amount,
        case
            when won_at is not null then 'won'
            when lost_at = first_other_at then 'lost'
            when disqualified_at = first_other_at then 'disqualified'
            when self_serve_paid_at = first_other_at then 'self_serve_paid'
            else 'none'
        end as outcome,
        lost_at,
        disqualified_at,
        self_serve_paid_at,
        case when is_customer then expanded_at is not null end as is_expanded,
        expanded_at,
        expansion_amount,
        case
            when is_customer then coalesce(censored_by, 'none') <> 'horizon' and not coalesce(is_expansion_open, false)
        end as is_expansion_mature,
        censored_by is null as is_mature,
        censored_by
    from judged
)

select * from final
