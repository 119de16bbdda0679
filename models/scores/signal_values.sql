-- Grain: one row per (account, signal) at the scored date: the value behind a contribution, and how a person would say it.

with

examples as (
    select * from {{ ref("scoring_examples") }}
),

signals as (
    select * from {{ ref("signals") }}
),

event_signals as (
    select
        examples.account_id,
        signals.signal,
        cast(coalesce(metrics.events_28d, 0) as double) as value,
        case
            when metrics.events_28d > 0 then signals.label || ' (' || metrics.events_28d || ' in the last 28 days)'
            when metrics.events_90d > 0 then signals.label || ' (' || metrics.events_90d || ' in the last 90 days, none in the last 28)'
            else 'no ' || signals.label || ' in the last 90 days'
        end as phrase
    from examples
    inner join signals on signals.measured_from in ('events', 'sequences')
    left join {{ ref("account_signal_metrics") }} as metrics
        on examples.account_id = metrics.account_id
        and examples.as_of_date = metrics.as_of_date
        and signals.signal = metrics.signal
),

account_signals as (
    {%- set measures = [
        ["team", "cast(team__people_28d as double)", "team__people_28d || ' in the last 28 days'"],
        ["activity", "cast(activity__active_days_28d as double)", "activity__active_days_28d || ' of the last 28'"],
        ["breadth", "cast(breadth__signals_28d as double)", "breadth__signals_28d || ' in the last 28 days'"],
        ["momentum", "cast(momentum__events as double)", "case when momentum__events > 0.2 then 'rising' when momentum__events < -0.2 then 'falling' else 'steady' end"],
        ["recency", "cast(recency__days_since_last as double)", "coalesce(cast(recency__days_since_last as varchar), 'never active')"],
        ["tenure", "cast(tenure__days as double)", "cast(tenure__days as varchar)"],
        ["sessions", "cast(sessions__count_28d as double)", "sessions__count_28d || ' in the last 28 days'"],
        ["session_depth", "cast(session_depth__events_28d as double)", "coalesce(cast(round(session_depth__events_28d, 1) as varchar), 'no session')"],
        ["devices", "cast(devices__count_28d as double)", "devices__count_28d || ' in the last 28 days'"],
        ["locations", "cast(locations__countries_28d as double)", "locations__countries_28d || ' in the last 28 days'"],
        ["api_use", "cast(api_use__share_28d as double)", "coalesce(cast(round(100 * api_use__share_28d) as integer) || ' %', 'not known')"],
        ["first_weeks", "cast(first_weeks__business_days as double)", "cast(first_weeks__business_days as varchar)"],
        ["logins", "cast(logins__days_7d as double)", "logins__days_7d || ' of the last 7'"],
        ["invites", "cast(invites__sent_28d as double)", "invites__sent_28d || ' sent and ' || invites__accepted_28d || ' accepted in the last 28 days'"],
        ["invite_acceptance", "cast(invite_acceptance__share_90d as double)", "coalesce(cast(round(100 * invite_acceptance__share_90d) as integer) || ' %', 'not known')"],
        ["functions", "cast(functions__invited_90d as double)", "functions__invited_90d || ' in the last 90 days'"],
        ["external_shares", "cast(external_shares__events_28d as double)", "external_shares__events_28d || ' in the last 28 days'"],
        ["schedules", "cast(schedules__people_90d as double)", "schedules__people_90d || ' in the last 90 days'"],
        ["admin", "cast(admin__events_28d as double)", "admin__events_28d || case when admin__events_28d = 1 then ' time' else ' times' end || ' in the last 28 days'"],
        ["custom_roles", "cast(custom_roles__events_90d as double)", "custom_roles__events_90d || ' in the last 90 days'"],
        ["exports", "cast(exports__events_28d as double)", "exports__events_28d || ' in the last 28 days'"],
        ["own_automations", "cast(own_automations__share_90d as double)", "coalesce(cast(round(100 * own_automations__share_90d) as integer) || ' %', 'not known')"],
        ["volume", "cast(volume__amount_90d as double)", "cast(volume__amount_90d as bigint) || ' in the last 90 days'"],
        ["integrations", "cast(integrations__upstream_90d + integrations__downstream_90d as double)", "(integrations__upstream_90d + integrations__downstream_90d) || ' in the last 90 days'"],
        ["premium", "cast(premium__features_90d as double)", "premium__features_90d || ' in the last 90 days'"],
        ["gaps", "cast(gaps__longest_90d as double)", "coalesce(gaps__longest_90d || case when gaps__longest_90d = 1 then ' day' else ' days' end || ' of the last 90', 'never active')"],
        ["low_quality", "cast(low_quality__little_worth_28d as double)", "coalesce(cast(round(100 * low_quality__little_worth_28d) as integer) || ' %', 'not known')"],
        ["sequences", "cast(sequences__completed_28d as double)", "sequences__completed_28d || ' in the last 28 days'"],
        ["seats", "cast(seats__utilisation as double)", "coalesce(cast(round(100 * seats__utilisation) as integer) || ' %', 'no plan known')"],
        ["touches", "cast(touches__touches_90d as double)", "touches__touches_90d || ' in the last 90 days'"],
        ["company_size", "cast(company_size__employees as double)", "coalesce(cast(company_size__employees as varchar), 'not known')"],
        ["industry", "cast(null as double)", "coalesce(industry__name, 'not known')"],
        ["country", "cast(null as double)", "coalesce(country__name, 'not known')"],
        ["organisation", "cast(organisation__is_company as double)", "case organisation__is_company when 1 then 'company' else 'individual' end"],
        ["customer", "cast(customer__is_customer as double)", "case customer__is_customer when 1 then 'yes' else 'no' end"],
        ["set_up", "cast(set_up__hours as double)", "coalesce(cast(cast(round(set_up__hours) as bigint) as varchar), 'not yet')"],
        ["first_invite", "cast(first_invite__hours as double)", "coalesce(cast(cast(round(first_invite__hours) as bigint) as varchar), 'not yet')"],
        ["first_integration", "cast(first_integration__hours as double)", "coalesce(cast(cast(round(first_integration__hours) as bigint) as varchar), 'not yet')"],
        ["production_data", "cast(production_data__hours as double)", "coalesce(cast(cast(round(production_data__hours) as bigint) as varchar), 'not yet')"],
        ["aha_moment", "cast(aha_moment__hours as double)", "coalesce(cast(cast(round(aha_moment__hours) as bigint) as varchar), 'not yet')"],
        ["milestones", "cast(milestones__reached as double)", "cast(milestones__reached as varchar)"],
        ["trial", "cast(trial__days_left as double)", "trial__stage || coalesce(', ' || trial__days_left || case when trial__days_left = 1 then ' day' else ' days' end || ' left', '')"],
        ["production_name", "cast(production_name__is_given as double)", "case production_name__is_given when 1 then 'yes' else 'no' end"],
        ["non_customer_name", "cast(non_customer_name__is_given as double)", "case non_customer_name__is_given when 1 then 'yes' else 'no' end"],
        ["plan_limits", "cast(plan_limits__utilisation as double)", "coalesce(cast(round(100 * plan_limits__utilisation) as bigint) || ' % of ' || plan_limits__nearest, 'no plan known')"],
        ["limit_hits", "cast(limit_hits__events_28d as double)", "limit_hits__events_28d || ' in the last 28 days'"],
        ["pricing_visits", "cast(pricing_visits__events_28d as double)", "pricing_visits__events_28d || ' in the last 28 days'"],
        ["billing_visits", "cast(billing_visits__events_28d as double)", "billing_visits__events_28d || ' in the last 28 days'"],
        ["security_visits", "cast(security_visits__events_28d as double)", "security_visits__events_28d || ' in the last 28 days'"],
        ["checkouts", "cast(checkouts__events_28d as double)", "checkouts__events_28d || ' in the last 28 days'"],
        ["left_checkout", "cast(left_checkout__is_open as double)", "case left_checkout__is_open when 1 then 'yes' else 'no' end"],
        ["setup_failures", "cast(setup_failures__events_90d as double)", "setup_failures__events_90d || ' in the last 90 days'"],
        ["unresolved_setup", "cast(unresolved_setup__is_open as double)", "case unresolved_setup__is_open when 1 then 'yes' else 'no' end"],
        ["errors", "cast(errors__events_28d as double)", "errors__events_28d || ' in the last 28 days'"],
        ["repeated_errors", "cast(repeated_errors__days_28d as double)", "repeated_errors__days_28d || ' of the last 28'"],
        ["unsubscribes", "cast(unsubscribes__events_90d as double)", "unsubscribes__events_90d || ' in the last 90 days'"],
        ["departments", "cast(departments__represented_90d as double)", "departments__represented_90d || ' in the last 90 days'"],
        ["decision_makers", "cast(decision_makers__people_90d as double)", "decision_makers__people_90d || ' in the last 90 days'"],
        ["people_enrichment", "cast(people_enrichment__confidence as double)", "coalesce(cast(round(100 * people_enrichment__confidence) as integer) || ' %', 'not known')"],
        ["sales_activity", "cast(sales_activity__tasks_28d as double)", "sales_activity__tasks_28d || ' in the last 28 days'"],
    ] %}
    {% for measure in measures -%}
    select account_id, '{{ measure[0] }}' as signal, {{ measure[1] }} as value, {{ measure[2] }} as said
    from examples
    {{ "union all" if not loop.last }}
    {% endfor %}
),

final as (
    select account_id, signal, value, phrase from event_signals

    union all

    select
        account_signals.account_id,
        account_signals.signal,
        account_signals.value,
        signals.label || ' (' || account_signals.said || ')'
    from account_signals
    inner join signals on account_signals.signal = signals.signal
)

select * from final
