{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date) for accounts that had done anything by then: when it signed up, and how many hours
-- later it reached each step. A step is reached once and for ever, so no lookback ends it. Which signal is which step is said
-- in seeds/signal_roles.csv. What was not reached is null, never 0.

{%- set steps = {
    "setup": "('setup')",
    "first_invite": "('invite_sent')",
    "first_integration": "('upstream_integration', 'downstream_integration')",
    "production_data": "('production_data')",
    "aha": "('aha')",
} %}

with

account_days as (
    select * from {{ ref("account_days") }}
    where occurred_on < {{ as_of_date() }} and available_on < {{ as_of_date() }}
),

roles as (
    select * from {{ ref("signal_roles") }}
),

first_times as (
    select
        account_id,
        signal,
        min(first_at) as first_at
    from account_days
    group by account_id, signal
),

first_activities as (
    select
        account_id,
        min(first_at) as first_at
    from first_times
    group by account_id
),

role_times as (
    select
        first_times.account_id,
        {% for step, step_roles in steps.items() -%}
        min(case when roles.role in {{ step_roles }} then first_times.first_at end) as {{ step }}_at,
        {% endfor -%}
        min(case when roles.role = 'sign_up' then first_times.first_at end) as signed_up_at
    from first_times
    inner join roles on first_times.signal = roles.signal
    group by first_times.account_id
),

-- The clock starts with the sign-up, so the sign-up is no step from there.
milestones as (
    select
        first_times.account_id,
        first_times.first_at,
        row_number() over (partition by first_times.account_id order by first_times.first_at, first_times.signal) as position
    from first_times
    inner join {{ ref("signals") }} as signals on first_times.signal = signals.signal and signals.is_milestone
    left join roles on first_times.signal = roles.signal and roles.role = 'sign_up'
    where roles.signal is null
),

milestone_times as (
    select
        account_id,
        cast(count(*) as integer) as milestones,
        min(case when position = 1 then first_at end) as first_milestone_at,
        min(case when position = 2 then first_at end) as second_milestone_at
    from milestones
    group by account_id
),

timed as (
    select
        first_activities.account_id,
        coalesce(role_times.signed_up_at, first_activities.first_at) as signed_up_at,
        {% for step in steps -%}
        role_times.{{ step }}_at,
        {% endfor -%}
        coalesce(milestone_times.milestones, 0) as milestones,
        milestone_times.first_milestone_at,
        milestone_times.second_milestone_at
    from first_activities
    left join role_times on first_activities.account_id = role_times.account_id
    left join milestone_times on first_activities.account_id = milestone_times.account_id
),

final as (
    select
        account_id,
        {{ as_of_date() }} as as_of_date,
        signed_up_at,
        cast(case when {{ hours_until("setup_at", "signed_up_at") }} <= 24 then 1 else 0 end as integer) as is_set_up_within_24h,
        {% for step in steps -%}
        {{ hours_until(step ~ "_at", "signed_up_at") }} as hours_to_{{ step }},
        {% endfor -%}
        milestones,
        {{ hours_until("first_milestone_at", "signed_up_at") }} as hours_to_first_milestone,
        {{ hours_until("second_milestone_at", "signed_up_at") }} as hours_to_second_milestone
    from timed
)

select * from final
