-- Grain: one row per (account, as-of date) at which the account existed, with its place in the cohort as known then.
-- Only `eligible` rows are trained on.

with

spine as (
    select
        accounts.account_id,
        as_of_dates.as_of_date,
        as_of_dates.is_scoring
    from {{ ref("accounts") }} as accounts
    inner join {{ ref("as_of_dates") }} as as_of_dates on accounts.first_seen_at < as_of_dates.as_of_date
    where accounts.joined_company_at is null or accounts.joined_company_at >= as_of_dates.as_of_date
),

activity as (
    select
        account_days.account_id,
        as_of_dates.as_of_date,
        max(account_days.occurred_on) as last_active_on
    from {{ ref("account_days") }} as account_days
    inner join {{ ref("as_of_dates") }} as as_of_dates
        on account_days.occurred_on < as_of_dates.as_of_date and account_days.available_on < as_of_dates.as_of_date
    group by account_days.account_id, as_of_dates.as_of_date
),

deals as (
    select
        states.account_id,
        as_of_dates.as_of_date,
        max(case when states.state = 'won' then 1 else 0 end) as is_customer,
        max(case when states.state = 'open' then 1 else 0 end) as has_open_opportunity
    from {{ ref("account_opportunity_states") }} as states
    inner join {{ ref("as_of_dates") }} as as_of_dates
        on states.known_from < as_of_dates.as_of_date and states.known_until >= as_of_dates.as_of_date
    group by states.account_id, as_of_dates.as_of_date
),

final as (
    select
        spine.account_id,
        spine.as_of_date,
        spine.is_scoring,
        case
            when exclusions.reason is not null then 'excluded'
            when deals.is_customer = 1 and {{ setting("cohort") }} = 'new_business' then 'customer'
            when deals.has_open_opportunity = 1 and {{ setting("cohort") }} = 'new_business' then 'open_opportunity'
            when activity.last_active_on is null then 'never_active'
            when spine.as_of_date - activity.last_active_on > {{ setting("active_within_days", "integer") }} then 'inactive'
            else 'eligible'
        end as cohort,
        exclusions.reason as exclusion_reason,
        coalesce(deals.is_customer = 1, false) as is_customer,
        coalesce(deals.has_open_opportunity = 1, false) as has_open_opportunity
    from spine
    left join activity on spine.account_id = activity.account_id and spine.as_of_date = activity.as_of_date
    left join deals on spine.account_id = deals.account_id and spine.as_of_date = deals.as_of_date
    left join {{ ref("account_exclusions") }} as exclusions
        on spine.account_id = exclusions.account_id and exclusions.available_at < spine.as_of_date
)

select * from final
