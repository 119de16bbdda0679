{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date) for accounts that something went wrong for in the last 90 days, or that finished a
-- set-up. Time without any activity is in `account_usage`, names that are no customer's in `account_names`.

with

account_days as (
    select * from {{ ref("account_days") }}
    where
        occurred_on < {{ as_of_date() }}
        and available_on < {{ as_of_date() }}
        and occurred_on >= {{ as_of_date() }} - 90
),

played as (
    select
        account_days.account_id,
        roles.role,
        account_days.occurred_on,
        {{ as_of_date() }} - account_days.occurred_on as age,
        account_days.events,
        account_days.counted_events,
        account_days.last_at
    from account_days
    inner join {{ ref("signal_roles") }} as roles on account_days.signal = roles.signal
    where roles.role in ('setup', 'setup_failed', 'error', 'unsubscribe')
),

counted as (
    select
        account_id,
        cast(sum(case when role = 'setup_failed' then counted_events else 0 end) as bigint) as setup_failures_90d,
        cast(sum(case when role = 'error' and age <= 28 then counted_events else 0 end) as bigint) as errors_28d,
        cast(sum(case when role = 'unsubscribe' then counted_events else 0 end) as bigint) as unsubscribes_90d,
        max(case when role = 'setup_failed' then last_at end) as setup_failed_at,
        max(case when role = 'setup' then last_at end) as setup_completed_at
    from played
    group by account_id
),

error_days as (
    select
        account_id,
        occurred_on
    from played
    where role = 'error' and age <= 28
    group by account_id, occurred_on
    having sum(events) >= 3
),

repeated as (
    select
        account_id,
        cast(count(*) as integer) as repeated_error_days_28d
    from error_days
    group by account_id
),

final as (
    select
        counted.account_id,
        {{ as_of_date() }} as as_of_date,
        counted.setup_failures_90d,
        cast(
            case
                when counted.setup_completed_at >= counted.setup_failed_at then 0
                when counted.setup_failed_at is not null then 1
                else 0
            end as integer
        ) as is_setup_unresolved,
        counted.errors_28d,
        coalesce(repeated.repeated_error_days_28d, 0) as repeated_error_days_28d,
        counted.unsubscribes_90d
    from counted
    left join repeated on counted.account_id = repeated.account_id
)

select * from final
