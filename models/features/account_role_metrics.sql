{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date, role) for roles whose signals the account has shown in the last 90 days: invites,
-- logins, exports, whatever the product calls them. A role may have several signals; they are added.

with

signal_roles as (
    select * from {{ ref("signal_roles") }}
),

-- What came out of a sample is no volume, whatever the file says.
roles as (
    select
        role,
        signal
    from signal_roles
    where role <> 'volume' or signal not in (select samples.signal from signal_roles as samples where samples.role = 'sample_data')
),

account_days as (
    select
        days.account_id,
        days.person_id,
        roles.role,
        days.signal,
        {{ as_of_date() }} - days.occurred_on as age,
        days.counted_events as events,
        days.amount
    from {{ ref("account_days") }} as days
    inner join roles on days.signal = roles.signal
    where
        days.occurred_on < {{ as_of_date() }}
        and days.available_on < {{ as_of_date() }}
        and days.occurred_on >= {{ as_of_date() }} - 90
),

persons as (
    select
        account_id,
        role,
        person_id,
        sum(case when age <= 28 then events else 0 end) as events_28d,
        sum(events) as events_90d,
        {{ exact_sum("amount", 4) }} as amount_90d,
        {{ day_mask("age") }} as day_mask,
        min(age) as days_since_last
    from account_days
    group by account_id, role, person_id
),

used as (
    select
        account_id,
        role,
        sum(events_28d) as events_28d,
        sum(events_90d) as events_90d,
        sum(case when days_since_last <= 28 and person_id is not null then 1 else 0 end) as people_28d,
        sum(case when person_id is not null then 1 else 0 end) as people_90d,
        {{ exact_sum("amount_90d", 4) }} as amount_90d,
        {{ days_in_mask("bit_or(day_mask)", 7) }} as active_days_7d,
        {{ days_in_mask("bit_or(day_mask)", 28) }} as active_days_28d
    from persons
    group by account_id, role
),

details as (
    select
        account_details.account_id,
        account_details.signal,
        account_details.detail
    from {{ ref("account_details") }} as account_details
    where
        account_details.occurred_on < {{ as_of_date() }}
        and account_details.available_on < {{ as_of_date() }}
        and account_details.occurred_on >= {{ as_of_date() }} - 90
    group by account_details.account_id, account_details.signal, account_details.detail
),

details_of_role as (
    select
        details.account_id,
        roles.role,
        count(distinct details.detail) as details_90d
    from details
    inner join roles on details.signal = roles.signal
    group by details.account_id, roles.role
),

details_of_signal as (
    select
        account_id,
        signal,
        count(*) as details
    from details
    group by account_id, signal
),

shown as (
    select distinct
        account_id,
        role,
        signal
    from account_days
),

-- A signal that tells no detail is of one kind.
kinds as (
    select
        shown.account_id,
        shown.role,
        count(*) as signals_90d,
        sum(coalesce(details_of_signal.details, 1)) as kinds_90d
    from shown
    left join details_of_signal on shown.account_id = details_of_signal.account_id and shown.signal = details_of_signal.signal
    group by shown.account_id, shown.role
),

final as (
    select
        used.account_id,
        {{ as_of_date() }} as as_of_date,
        used.role,
        cast(used.events_28d as bigint) as events_28d,
        cast(used.events_90d as bigint) as events_90d,
        cast(used.people_28d as integer) as people_28d,
        cast(used.people_90d as integer) as people_90d,
        used.active_days_7d,
        used.active_days_28d,
        coalesce(used.amount_90d, 0) as amount_90d,
        cast(kinds.signals_90d as integer) as signals_90d,
        cast(kinds.kinds_90d as integer) as kinds_90d,
        cast(coalesce(details_of_role.details_90d, 0) as integer) as details_90d
    from used
    inner join kinds on used.account_id = kinds.account_id and used.role = kinds.role
    left join details_of_role on used.account_id = details_of_role.account_id and used.role = details_of_role.role
)

select * from final
