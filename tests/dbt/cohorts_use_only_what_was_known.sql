-- What places an account in the cohort as of a date was known by then: it had been seen, its activity had arrived, and where it
-- counts as a customer, as in a deal or as excluded, some record of before the date says so. Looked up in the records themselves,
-- not in the spans of `account_opportunity_states`.
{{ config(meta={"dagster": {"ref": {"name": "account_cohort"}}}) }}

with

cohort as (
    select * from {{ ref("account_cohort") }}
),

said as (
    select opportunities.account_id, changes.state, greatest(changes.available_at, opportunities.created_available_at) as known_at
    from {{ crm_records("opportunity_changes") }} as changes
    inner join {{ ref("account_opportunities") }} as opportunities on changes.opportunity_id = opportunities.opportunity_id

    union all

    select account_id, 'open', created_available_at from {{ ref("account_opportunities") }}

    union all

    select account_id, 'won', closed_available_at from {{ ref("account_opportunities") }} where is_won
),

first_said as (
    select
        account_id,
        min(case when state = 'won' then known_at end) as won_known_at,
        min(case when state = 'open' then known_at end) as deal_known_at
    from said
    group by account_id
),

seen as (
    select
        cohort.account_id,
        cohort.as_of_date,
        max(account_days.occurred_on) as last_active_on
    from cohort
    inner join {{ ref("account_days") }} as account_days
        on cohort.account_id = account_days.account_id
        and account_days.occurred_on < cohort.as_of_date
        and account_days.available_on < cohort.as_of_date
    where cohort.cohort = 'eligible'
    group by cohort.account_id, cohort.as_of_date
),

final as (
    select
        cohort.account_id,
        cohort.as_of_date,
        cohort.cohort,
        cohort.is_customer,
        accounts.first_seen_at,
        first_said.won_known_at,
        first_said.deal_known_at,
        exclusions.available_at as exclusion_known_at,
        seen.last_active_on
    from cohort
    inner join {{ ref("accounts") }} as accounts on cohort.account_id = accounts.account_id
    left join first_said on cohort.account_id = first_said.account_id
    left join {{ ref("account_exclusions") }} as exclusions on cohort.account_id = exclusions.account_id
    left join seen on cohort.account_id = seen.account_id and cohort.as_of_date = seen.as_of_date
    where
        accounts.first_seen_at >= cohort.as_of_date
        or (cohort.is_customer and coalesce(first_said.won_known_at, {{ the_end_of_time() }}) >= cohort.as_of_date)
        or (
            cohort.cohort = 'open_opportunity' and coalesce(first_said.deal_known_at, {{ the_end_of_time() }}) >= cohort.as_of_date
        )
        or (cohort.cohort = 'excluded' and coalesce(exclusions.available_at, {{ the_end_of_time() }}) >= cohort.as_of_date)
        or (
            cohort.cohort = 'eligible'
            and coalesce(cohort.as_of_date - seen.last_active_on, 999999) > {{ setting("active_within_days", "integer") }}
        )
)

select * from final
