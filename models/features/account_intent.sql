{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date) for accounts that showed a signal of intent in the lookback: looks at prices, at
-- billing and at security, checkouts, limits reached. Which signals are meant is said in signal_roles.csv.

with

account_days as (
    select * from {{ ref("account_days") }}
    where
        occurred_on < {{ as_of_date() }}
        and available_on < {{ as_of_date() }}
        and occurred_on >= {{ as_of_date() }} - {{ lookback_days() }}
),

played as (
    select
        account_days.account_id,
        roles.role,
        {{ as_of_date() }} - account_days.occurred_on as age,
        account_days.counted_events as events,
        account_days.last_at
    from account_days
    inner join {{ ref("signal_roles") }} as roles on account_days.signal = roles.signal
    where roles.role in ('pricing', 'billing', 'security', 'checkout_begun', 'checkout_completed', 'limit')
),

counted as (
    select
        account_id,
        {% for role in ["pricing", "billing", "security", "checkout_begun", "limit"] -%}
        cast(sum(case when role = '{{ role }}' and age <= 28 then events else 0 end) as bigint) as {{ role }}_28d,
        {% endfor -%}
        {% for role in ["pricing", "billing", "security"] -%}
        min(case when role = '{{ role }}' then age end) as days_since_{{ role }},
        {% endfor -%}
        max(case when role = 'checkout_begun' and age <= 28 then last_at end) as checkout_begun_at,
        max(case when role = 'checkout_completed' then last_at end) as checkout_completed_at
    from played
    group by account_id
),

paid as (
    select
        account_id,
        max(started_at) as paid_at
    from {{ ref("account_subscriptions") }}
    where is_paid and available_at < {{ as_of_date() }} and started_at < {{ as_of_date() }}
    group by account_id
),

-- Somebody has a day to finish. Who pays later than that has not left it either: they came back.
final as (
    select
        counted.account_id,
        {{ as_of_date() }} as as_of_date,
        counted.pricing_28d as pricing_views_28d,
        counted.days_since_pricing,
        counted.billing_28d as billing_views_28d,
        counted.days_since_billing,
        counted.security_28d as security_views_28d,
        counted.days_since_security,
        counted.checkout_begun_28d as checkouts_begun_28d,
        cast(
            case
                when counted.checkout_begun_at > {{ as_of_date() }} - 1 then 0
                when counted.checkout_completed_at >= counted.checkout_begun_at then 0
                when paid.paid_at >= counted.checkout_begun_at then 0
                when counted.checkout_begun_at is not null then 1
                else 0
            end as integer
        ) as is_checkout_left,
        counted.limit_28d as limits_reached_28d
    from counted
    left join paid on counted.account_id = paid.account_id
)

select * from final
