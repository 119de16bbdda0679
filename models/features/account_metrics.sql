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
        limits.seats_utilisation as seats__utilisation,
        coalesce(marketing.touches_90d, 0) as touches__touches_90d,

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
        fit.match_confidence as organisation__match_confidence,
        cast(case when cohort.is_customer then 1 else 0 end as integer) as customer__is_customer,

        coalesce(marketing.channels_90d, 0) as touches__channels_90d,
        marketing.days_since_last as touches__days_since_last,

        -- Steps of activation, the trial, and what workspaces and projects are called.
        coalesce(activation.is_set_up_within_24h, 0) as set_up__is_within_24h,
        activation.hours_to_setup as set_up__hours,
        activation.hours_to_first_invite as first_invite__hours,
        activation.hours_to_first_integration as first_integration__hours,
        activation.hours_to_production_data as production_data__hours,
        activation.hours_to_aha as aha_moment__hours,
        coalesce(activation.milestones, 0) as milestones__reached,
        activation.hours_to_first_milestone as milestones__hours_to_first,
        activation.hours_to_second_milestone as milestones__hours_to_second,
        trial.stage as trial__stage,
        trial.days_left as trial__days_left,
        coalesce(names.is_named_production, 0) as production_name__is_given,
        coalesce(names.is_named_non_customer, 0) as non_customer_name__is_given,

        -- Limits and intent.
        limits.utilisation as plan_limits__utilisation,
        limits.days_to_limit as plan_limits__days_left,
        limits.limit_name as plan_limits__nearest,
        coalesce(limits.is_near, 0) as plan_limits__is_near,
        coalesce(intent.limits_reached_28d, 0) as limit_hits__events_28d,
        coalesce(intent.pricing_views_28d, 0) as pricing_visits__events_28d,
        intent.days_since_pricing as pricing_visits__days_since_last,
        coalesce(intent.billing_views_28d, 0) as billing_visits__events_28d,
        intent.days_since_billing as billing_visits__days_since_last,
        coalesce(intent.security_views_28d, 0) as security_visits__events_28d,
        intent.days_since_security as security_visits__days_since_last,
        coalesce(intent.checkouts_begun_28d, 0) as checkouts__events_28d,
        coalesce(intent.is_checkout_left, 0) as left_checkout__is_open,

        -- Cooling.
        coalesce(cooling.setup_failures_90d, 0) as setup_failures__events_90d,
        coalesce(cooling.is_setup_unresolved, 0) as unresolved_setup__is_open,
        coalesce(cooling.errors_28d, 0) as errors__events_28d,
        coalesce(cooling.repeated_error_days_28d, 0) as repeated_errors__days_28d,
        coalesce(cooling.unsubscribes_90d, 0) as unsubscribes__events_90d,

        -- Who the active people are, and what sales did: the latter is kept from the model.
        coalesce(people.departments_90d, 0) as departments__represented_90d,
        coalesce(people.functions_90d, 0) as departments__functions_90d,
        coalesce(people.decision_makers_90d, 0) as decision_makers__people_90d,
        people.enrichment_confidence as people_enrichment__confidence,
        coalesce(sales.tasks_28d, 0) as sales_activity__tasks_28d,
        sales.days_since_last as sales_activity__days_since_last
    from cohort
    inner join accounts on cohort.account_id = accounts.account_id
    left join usage on cohort.account_id = usage.account_id and cohort.as_of_date = usage.as_of_date
    left join {{ ref("account_sessions") }} as sessions
        on cohort.account_id = sessions.account_id and cohort.as_of_date = sessions.as_of_date
    left join {{ ref("account_collaboration") }} as collaboration
        on cohort.account_id = collaboration.account_id and cohort.as_of_date = collaboration.as_of_date
    left join breadth on cohort.account_id = breadth.account_id and cohort.as_of_date = breadth.as_of_date
    left join {{ ref("account_fit") }} as fit on cohort.account_id = fit.account_id and cohort.as_of_date = fit.as_of_date
    left join {{ ref("account_marketing") }} as marketing
        on cohort.account_id = marketing.account_id and cohort.as_of_date = marketing.as_of_date
    left join {{ ref("account_activation") }} as activation
        on cohort.account_id = activation.account_id and cohort.as_of_date = activation.as_of_date
    left join {{ ref("account_trial") }} as trial
        on cohort.account_id = trial.account_id and cohort.as_of_date = trial.as_of_date
    left join {{ ref("account_names") }} as names
        on cohort.account_id = names.account_id and cohort.as_of_date = names.as_of_date
    left join {{ ref("account_nearest_limit") }} as limits
        on cohort.account_id = limits.account_id and cohort.as_of_date = limits.as_of_date
    left join {{ ref("account_intent") }} as intent
        on cohort.account_id = intent.account_id and cohort.as_of_date = intent.as_of_date
    left join {{ ref("account_cooling") }} as cooling
        on cohort.account_id = cooling.account_id and cohort.as_of_date = cooling.as_of_date
    left join {{ ref("account_people") }} as people
        on cohort.account_id = people.account_id and cohort.as_of_date = people.as_of_date
    left join {{ ref("account_sales_activity") }} as sales
        on cohort.account_id = sales.account_id and cohort.as_of_date = sales.as_of_date
)

select * from final
