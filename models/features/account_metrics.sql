-- Grain: one row per (account, as-of date). Columns are named signal__measure, where signal is a row of seeds/signals.csv, so
-- that an explanation can name it. What depends on single signals is in `account_signal_metrics`.

with

cohort as (
    select * from {{ ref("account_cohort") }}
),

accounts as (
    select * from {{ ref("accounts") }}
),

signals as (
    select * from {{ ref("signals") }}
),

usage as (
    select * from {{ ref("account_usage") }}
),

breadth as (
    select
        metrics.account_id,
        metrics.as_of_date,
        cast(count(distinct metrics.signal) as integer) as signals_28d,
        cast(count(distinct signals.category) as integer) as categories_28d
    from {{ ref("account_signal_metrics") }} as metrics
    inner join signals on metrics.signal = signals.signal
    where metrics.events_28d > 0 and signals.polarity = 1
    group by metrics.account_id, metrics.as_of_date
),

touches as (
    select
        cohort.account_id,
        cohort.as_of_date,
        cast(count(*) as integer) as touches_90d
    from cohort
    inner join {{ ref("account_touches") }} as account_touches
        on cohort.account_id = account_touches.account_id
        and account_touches.available_at < cohort.as_of_date
        and account_touches.occurred_at < cohort.as_of_date
        and account_touches.occurred_at >= cohort.as_of_date - 90
    group by cohort.account_id, cohort.as_of_date
),

subscribed as (
    select
        cohort.account_id,
        cohort.as_of_date,
        max(coalesce(subscriptions.seats, plan_limits.limit_value)) as seats
    from cohort
    inner join {{ ref("organisation_reach") }} as reach on cohort.account_id = reach.target and reach.available_at < cohort.as_of_date
    inner join {{ ref("stg_billing__subscriptions") }} as subscriptions
        on 'workspace:' || subscriptions.group_id = reach.node
        and subscriptions.available_at < cohort.as_of_date
        and (subscriptions.ended_at is null or subscriptions.ended_at >= cohort.as_of_date)
    left join {{ ref("plan_limits") }} as plan_limits on subscriptions.plan = plan_limits.plan and plan_limits.limit_name = 'seats'
    group by cohort.account_id, cohort.as_of_date
),

final as (
    select
        cohort.account_id,
        cohort.as_of_date,

        coalesce(usage.people_7d, 0) as team__people_7d,
        coalesce(usage.people_28d, 0) as team__people_28d,
        coalesce(usage.people_90d, 0) as team__people_90d,

        coalesce(usage.active_days_7d, 0) as activity__active_days_7d,
        coalesce(usage.active_days_28d, 0) as activity__active_days_28d,
        coalesce(usage.active_days_90d, 0) as activity__active_days_90d,
        coalesce(usage.events_28d, 0) as activity__events_28d,

        coalesce(breadth.signals_28d, 0) as breadth__signals_28d,
        coalesce(breadth.categories_28d, 0) as breadth__categories_28d,

        coalesce(usage.momentum, 0) as momentum__events,
        usage.days_since_last as recency__days_since_last,
        cast(cohort.as_of_date - cast(accounts.first_seen_at as date) as integer) as tenure__days,
        usage.people_28d / nullif(cast(subscribed.seats as double), 0) as seats__utilisation,
        coalesce(touches.touches_90d, 0) as touches__touches_90d,

        fit.employees as company_size__employees,
        fit.industry as industry__name,
        fit.country as country__name,
        cast(case when accounts.kind = 'company' then 1 else 0 end as integer) as organisation__is_company,
        fit.match_confidence as organisation__match_confidence
    from cohort
    inner join accounts on cohort.account_id = accounts.account_id
    left join usage on cohort.account_id = usage.account_id and cohort.as_of_date = usage.as_of_date
    left join breadth on cohort.account_id = breadth.account_id and cohort.as_of_date = breadth.as_of_date
    left join touches on cohort.account_id = touches.account_id and cohort.as_of_date = touches.as_of_date
    left join subscribed on cohort.account_id = subscribed.account_id and cohort.as_of_date = subscribed.as_of_date
    left join {{ ref("account_fit") }} as fit on cohort.account_id = fit.account_id and cohort.as_of_date = fit.as_of_date
)

select * from final
