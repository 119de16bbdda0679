{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date, limit) for limits of the plans that the account was known to be on: how much of it
-- is used, how fast that grows, and when it is reached at that pace. What measures the use is said in seeds/limit_usage.csv.
-- Use is as it was: daily caps do not apply here. What was deleted again is not taken off.

with

cohort as (
    select account_id from {{ ref("account_cohort") }} where as_of_date = {{ as_of_date() }}
),

account_days as (
    select * from {{ ref("account_days") }}
    where occurred_on < {{ as_of_date() }} and available_on < {{ as_of_date() }}
),

limit_usage as (
    select * from {{ ref("limit_usage") }}
),

plan_limits as (
    select * from {{ ref("plan_limits") }}
),

subscriptions as (
    select * from {{ ref("account_subscriptions") }}
    where
        available_at < {{ as_of_date() }}
        and started_at < {{ as_of_date() }}
        and (ended_at is null or ended_at >= {{ as_of_date() }})
),

-- The seats that were bought beat those of the plan.
granted as (
    select account_id, 'seats' as limit_name, cast(seats as double) as limit_value from subscriptions
    where seats is not null

    union all

    select subscriptions.account_id, plan_limits.limit_name, plan_limits.limit_value
    from subscriptions
    inner join plan_limits on subscriptions.plan = plan_limits.plan
    where plan_limits.limit_name <> 'seats' or subscriptions.seats is null
),

-- Of several workspaces, the one with the highest limit counts: each has its own, and where the account works is not known.
limits as (
    select
        account_id,
        limit_name,
        max(limit_value) as limit_value
    from granted
    group by account_id, limit_name
),

people as (
    select
        account_id,
        person_id,
        max(case when {{ as_of_date() }} - occurred_on <= 28 then 1 else 0 end) as is_active,
        max(case when {{ as_of_date() }} - occurred_on > 28 then 1 else 0 end) as was_active
    from account_days
    where occurred_on >= {{ as_of_date() }} - 56 and person_id is not null
    group by account_id, person_id
),

people_used as (
    select
        people.account_id,
        limit_usage.limit_name,
        cast(sum(people.is_active) as double) as used,
        cast(sum(people.is_active) - sum(people.was_active) as double) as grown
    from people
    inner join limit_usage on limit_usage.measure = 'people_28d'
    group by people.account_id, limit_usage.limit_name
),

measured as (
    select
        account_days.account_id,
        limit_usage.limit_name,
        limit_usage.measure,
        {{ as_of_date() }} - account_days.occurred_on as age,
        case when limit_usage.measure = 'amount_ever' then account_days.amount else account_days.events end as amount
    from account_days
    inner join limit_usage on account_days.signal = limit_usage.signal
),

-- What is kept grows by what the last 28 days added; what is granted anew each month, against the 28 days before.
events_used as (
    select
        account_id,
        limit_name,
        {{ exact_sum("case when measure <> 'events_28d' or age <= 28 then amount else 0 end", 4) }} as used,
        {{ exact_sum("case when age <= 28 then amount when measure = 'events_28d' and age <= 56 then -amount else 0 end", 4) }} as grown
    from measured
    group by account_id, limit_name
),

used as (
    select * from people_used
    union all
    select * from events_used
),

compared as (
    select
        limits.account_id,
        limits.limit_name,
        coalesce(used.used, 0) as used,
        limits.limit_value,
        coalesce(used.grown, 0) / 28 as growth_per_day
    from limits
    inner join cohort on limits.account_id = cohort.account_id
    inner join limit_usage on limits.limit_name = limit_usage.limit_name
    left join used on limits.account_id = used.account_id and limits.limit_name = used.limit_name
),

final as (
    select
        account_id,
        {{ as_of_date() }} as as_of_date,
        limit_name,
        used,
        limit_value,
        used / nullif(limit_value, 0) as utilisation,
        growth_per_day,
        case
            when used >= limit_value then 0
            when growth_per_day > 0 then (limit_value - used) / growth_per_day
        end as days_to_limit
    from compared
)

select * from final
