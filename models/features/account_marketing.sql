-- Grain: one row per (account, as-of date) with a marketing touch in the lookback, as known then.

with

cohort as (
    select account_id, as_of_date from {{ ref("account_cohort") }}
),

touches as (
    select * from {{ ref("account_touches") }}
),

known as (
    select
        cohort.account_id,
        cohort.as_of_date,
        cohort.as_of_date - cast(touches.occurred_at as date) as age,
        lower(trim(touches.channel)) as channel
    from cohort
    inner join touches
        on cohort.account_id = touches.account_id
        and touches.available_at < cohort.as_of_date
        and touches.occurred_at < cohort.as_of_date
        and touches.occurred_at >= cohort.as_of_date - {{ lookback_days() }}
),

final as (
    select
        account_id,
        as_of_date,
        cast(sum(case when age <= 90 then 1 else 0 end) as integer) as touches_90d,
        cast(count(distinct case when age <= 90 then channel end) as integer) as channels_90d,
        min(age) as days_since_last
    from known
    group by account_id, as_of_date
)

select * from final
