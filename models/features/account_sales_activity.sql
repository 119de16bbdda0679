-- Grain: one row per (account, as-of date) that sales had worked on by then. It says what sales did, not what the account did:
-- reps work on accounts that they believe in, so a model that sees this learns their belief (docs/metrics.md). The signal has
-- use_in_model = false in seeds/signals.csv.

with

cohort as (
    select account_id, as_of_date from {{ ref("account_cohort") }}
),

activities as (
    select * from {{ ref("account_crm_activities") }}
),

known as (
    select
        cohort.account_id,
        cohort.as_of_date,
        cohort.as_of_date - cast(activities.occurred_at as date) as age
    from cohort
    inner join activities
        on cohort.account_id = activities.account_id
        and activities.occurred_at < cohort.as_of_date
        and activities.available_at < cohort.as_of_date
        and (activities.deleted_available_at is null or activities.deleted_available_at >= cohort.as_of_date)
),

final as (
    select
        account_id,
        as_of_date,
        cast(sum(case when age <= 28 then 1 else 0 end) as integer) as tasks_28d,
        min(age) as days_since_last
    from known
    group by account_id, as_of_date
)

select * from final
