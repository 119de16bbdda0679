-- Grain: one row per (account, as-of date) at which the account existed: where it stands in its trial, as known then. The
-- trial begins with the sign-up and lasts the setting `trial_days`; whoever pays is in none.

with

cohort as (
    select account_id, as_of_date from {{ ref("account_cohort") }}
),

paying as (
    select distinct
        cohort.account_id,
        cohort.as_of_date
    from cohort
    inner join {{ ref("account_subscriptions") }} as subscriptions
        on cohort.account_id = subscriptions.account_id
        and subscriptions.is_paid
        and subscriptions.available_at < cohort.as_of_date
        and subscriptions.started_at < cohort.as_of_date
        and (subscriptions.ended_at is null or subscriptions.ended_at >= cohort.as_of_date)
),

counted as (
    select
        cohort.account_id,
        cohort.as_of_date,
        paying.account_id is not null as is_paid,
        cohort.as_of_date - cast(activation.signed_up_at as date) as days,
        {{ setting("trial_days", "integer") }} as trial_days
    from cohort
    left join {{ ref("account_activation") }} as activation
        on cohort.account_id = activation.account_id and cohort.as_of_date = activation.as_of_date
    left join paying on cohort.account_id = paying.account_id and cohort.as_of_date = paying.as_of_date
),

final as (
    select
        account_id,
        as_of_date,
        case
            when is_paid then 'paid'
            when days is null then 'none'
            when days >= trial_days then 'ended'
            when 2 * days >= trial_days then 'late'
            else 'early'
        end as stage,
        case when not is_paid and days is not null then cast(greatest(trial_days - days, 0) as integer) end as days_left
    from counted
)

select * from final
