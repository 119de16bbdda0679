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

-- What says again what another signal says, and what is made of others, is nothing broader.
breadth as (
    select
        metrics.account_id,
        metrics.as_of_date,
        cast(count(distinct metrics.signal) as integer) as signals_28d,
        cast(count(distinct signals.category) as integer) as categories_28d,
        cast(
            count(
                distinct case
                    when signals.category in ('activation', 'collaboration', 'data_commitment', 'repeat_use') then metrics.signal
                end
            ) as integer
        ) as features_28d
    from {{ ref("account_signal_metrics") }} as metrics
    inner join signals on metrics.signal = signals.signal
    where
        metrics.events_28d > 0
        and signals.polarity = 1
        and signals.measured_from = 'events'
        and signals.use_in_model
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

        coalesce(breadth.features_28d, 0) as breadth__features_28d,
        coalesce(usage.people_growth, 0) as team__growth,
        coalesce(sessions.most_in_one_workspace_28d, 0) as team__most_in_one_workspace_28d,
        coalesce(sessions.workspaces_of_three_28d, 0) as team__workspaces_of_three_28d,
        coalesce(collaboration.members, 0) as team__members,
        coalesce(sessions.sessions_7d, 0) as sessions__count_7d,
        coalesce(sessions.sessions_28d, 0) as sessions__count_28d,
        coalesce(sessions.sessions_trend, 0) as sessions__trend,
        sessions.events_per_session_28d as session_depth__events_28d,
        sessions.depth_trend as session_depth__trend,
        coalesce(sessions.devices_28d, 0) as devices__count_28d,
        coalesce(sessions.devices_90d, 0) as devices__count_90d,
        coalesce(sessions.countries_28d, 0) as locations__countries_28d,
        coalesce(sessions.countries_90d, 0) as locations__countries_90d,
        sessions.api_share_28d as api_use__share_28d,
        coalesce(sessions.first_business_days, 0) as first_weeks__business_days,
        coalesce(collaboration.login_days_7d, 0) as logins__days_7d,
        coalesce(collaboration.login_band_7d, 'none') as logins__band_7d,
        coalesce(collaboration.invites_sent_28d, 0) as invites__sent_28d,
        coalesce(collaboration.invites_sent_90d, 0) as invites__sent_90d,
        coalesce(collaboration.invites_accepted_28d, 0) as invites__accepted_28d,
        coalesce(collaboration.invites_accepted_90d, 0) as invites__accepted_90d,
        collaboration.acceptance_share_90d as invite_acceptance__share_90d,
        coalesce(collaboration.invited_functions_90d, 0) as functions__invited_90d,
        coalesce(collaboration.external_shares_28d, 0) as external_shares__events_28d,
        coalesce(collaboration.external_shares_90d, 0) as external_shares__events_90d,
        coalesce(collaboration.scheduling_people_90d, 0) as schedules__people_90d,
        coalesce(collaboration.admin_events_28d, 0) as admin__events_28d,
        coalesce(collaboration.admin_people_90d, 0) as admin__people_90d,
        coalesce(collaboration.custom_roles_90d, 0) as custom_roles__events_90d,
        coalesce(collaboration.exports_28d, 0) as exports__events_28d,
        coalesce(collaboration.exports_90d, 0) as exports__events_90d,
        coalesce(collaboration.own_automations_90d, 0) as own_automations__count_90d,
        collaboration.own_automation_share_90d as own_automations__share_90d,
        coalesce(collaboration.volume_90d, 0) as volume__amount_90d,
        coalesce(collaboration.upstream_kinds_90d, 0) as integrations__upstream_90d,
        coalesce(collaboration.downstream_kinds_90d, 0) as integrations__downstream_90d,
        coalesce(collaboration.premium_signals_90d, 0) as premium__features_90d,
        sessions.longest_gap_90d as gaps__longest_90d,
        usage.over_cap_share_28d as low_quality__over_cap_28d,
        usage.little_worth_share_28d as low_quality__little_worth_28d,
        coalesce(collaboration.sequences_28d, 0) as sequences__completed_28d,
        coalesce(collaboration.sequences_90d, 0) as sequences__completed_90d,

        fit.employees as company_size__employees,
        fit.industry as industry__name,
        fit.country as country__name,
        cast(case when accounts.kind = 'company' then 1 else 0 end as integer) as organisation__is_company,
        fit.match_confidence as organisation__match_confidence
    from cohort
    inner join accounts on cohort.account_id = accounts.account_id
    left join usage on cohort.account_id = usage.account_id and cohort.as_of_date = usage.as_of_date
    left join {{ ref("account_sessions") }} as sessions
        on cohort.account_id = sessions.account_id and cohort.as_of_date = sessions.as_of_date
    left join {{ ref("account_collaboration") }} as collaboration
        on cohort.account_id = collaboration.account_id and cohort.as_of_date = collaboration.as_of_date
    left join breadth on cohort.account_id = breadth.account_id and cohort.as_of_date = breadth.as_of_date
    left join touches on cohort.account_id = touches.account_id and cohort.as_of_date = touches.as_of_date
    left join subscribed on cohort.account_id = subscribed.account_id and cohort.as_of_date = subscribed.as_of_date
    left join {{ ref("account_fit") }} as fit on cohort.account_id = fit.account_id and cohort.as_of_date = fit.as_of_date
)

select * from final
