{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date) for accounts ever active: in which sessions, on which devices, from where and how
-- steadily it is used. A session is a run of half hours of one person's day; a program that calls the API has none.

with

visits as (
    select
        account_id,
        person_id,
        workspace,
        anonymous_id,
        country,
        occurred_on,
        {{ as_of_date() }} - occurred_on as age,
        coalesce(channel, '') as channel,
        events,
        half_hours
    from {{ ref("account_visits") }}
    where occurred_on < {{ as_of_date() }} and available_on < {{ as_of_date() }}
),

days as (
    select
        account_id,
        occurred_on,
        age,
        min(occurred_on) over (partition by account_id) as first_on,
        max(age) over (partition by account_id) as days_since_first
    from visits
    group by account_id, occurred_on, age
),

steadiness as (
    select
        account_id,
        sum(case when occurred_on < first_on + 14 and extract(isodow from occurred_on) <= 5 then 1 else 0 end) as business_days,
        {{ longest_gap(day_mask("age"), "cast(least(any_value(days_since_first), 90) as integer)") }} as longest_gap_90d
    from days
    group by account_id
),

person_days as (
    select
        account_id,
        age,
        sum(events) as events,
        {{ sessions_in_mask("bit_or(half_hours)") }} as sessions
    from visits
    where age <= 28 and person_id is not null and channel <> 'api'
    group by account_id, person_id, age
),

sessions as (
    select
        account_id,
        sum(case when age <= 7 then sessions else 0 end) as sessions_7d,
        sum(sessions) as sessions_28d,
        sum(case when age <= 7 then events else 0 end) as events_7d,
        sum(events) as events_28d
    from person_days
    group by account_id
),

origins as (
    select
        account_id,
        {% for window in [28, 90] -%}
        count(distinct case when age <= {{ window }} and channel not in ('server', 'api') then anonymous_id end) as devices_{{ window }}d,
        count(distinct case when age <= {{ window }} and channel not in ('server', 'api') then country end) as countries_{{ window }}d,
        {% endfor -%}
        sum(case when age <= 28 and channel = 'api' then events else 0 end) as api_events_28d,
        sum(case when age <= 28 then events else 0 end) as events_28d
    from visits
    where age <= 90
    group by account_id
),

workspace_people as (
    select
        account_id,
        workspace,
        count(distinct person_id) as people
    from visits
    where age <= 28 and workspace is not null
    group by account_id, workspace
),

workspaces as (
    select
        account_id,
        max(people) as most_people_28d,
        sum(case when people >= 3 then 1 else 0 end) as of_three_28d
    from workspace_people
    group by account_id
),

final as (
    select
        steadiness.account_id,
        {{ as_of_date() }} as as_of_date,

        cast(coalesce(sessions.sessions_7d, 0) as integer) as sessions_7d,
        cast(coalesce(sessions.sessions_28d, 0) as integer) as sessions_28d,
        ln(1 + coalesce(sessions.sessions_7d, 0))
        - ln(1 + coalesce(sessions.sessions_28d - sessions.sessions_7d, 0) / 3.0) as sessions_trend,
        sessions.events_28d / cast(sessions.sessions_28d as double) as events_per_session_28d,
        ln(sessions.events_7d / nullif(cast(sessions.sessions_7d as double), 0))
        - ln(
            (sessions.events_28d - sessions.events_7d) / nullif(cast(sessions.sessions_28d - sessions.sessions_7d as double), 0)
        ) as depth_trend,

        cast(coalesce(origins.devices_28d, 0) as integer) as devices_28d,
        cast(coalesce(origins.devices_90d, 0) as integer) as devices_90d,
        cast(coalesce(origins.countries_28d, 0) as integer) as countries_28d,
        cast(coalesce(origins.countries_90d, 0) as integer) as countries_90d,
        origins.api_events_28d / nullif(cast(origins.events_28d as double), 0) as api_share_28d,

        cast(steadiness.business_days as integer) as first_business_days,
        steadiness.longest_gap_90d,

        cast(coalesce(workspaces.most_people_28d, 0) as integer) as most_in_one_workspace_28d,
        cast(coalesce(workspaces.of_three_28d, 0) as integer) as workspaces_of_three_28d
    from steadiness
    left join sessions on steadiness.account_id = sessions.account_id
    left join origins on steadiness.account_id = origins.account_id
    left join workspaces on steadiness.account_id = workspaces.account_id
)

select * from final
