{{ config(materialized="by_as_of_date") }}

-- Grain: one row per (account, as-of date) for accounts with a known member or a role played in the last 90 days: what people
-- do with each other and with their data, and which sequences they completed. Which signal is an invite or a login is the
-- user's to say (seeds/signal_roles.csv); a role that nothing plays counts 0.

with

-- Whoever was known to belong to it just before the date, as the people they were known as: `account_members` knows today's.
known_people as (
    select
        identifier_accounts.account_id,
        person_spans.person_id
    from {{ ref("identifier_accounts") }} as identifier_accounts
    inner join {{ ref("person_spans") }} as person_spans on identifier_accounts.node = person_spans.node
    where
        identifier_accounts.node not like 'anonymous_id:%'
        and identifier_accounts.available_at < {{ as_of_date() }}
        and identifier_accounts.known_until >= {{ as_of_date() }}
        and person_spans.available_at < {{ as_of_date() }}
        and person_spans.known_until >= {{ as_of_date() }}

    union distinct

    select
        account_id,
        account_id
    from {{ ref("accounts") }}
    where
        kind = 'individual'
        and first_seen_at < {{ as_of_date() }}
        and (joined_company_at is null or joined_company_at >= {{ as_of_date() }})
),

members as (
    select
        account_id,
        count(*) as members
    from known_people
    group by account_id
),

{% set counts = [
    ["login", "active_days_7d"], ["invite_sent", "events_28d"], ["invite_sent", "events_90d"], ["invite_sent", "details_90d"],
    ["invite_accepted", "events_28d"], ["invite_accepted", "events_90d"], ["external_share", "events_28d"],
    ["external_share", "events_90d"], ["schedule", "people_90d"], ["admin", "events_28d"], ["admin", "people_90d"],
    ["custom_role", "events_90d"], ["export", "events_28d"], ["export", "events_90d"], ["own_automation", "events_90d"],
    ["template_automation", "events_90d"], ["volume", "amount_90d"], ["upstream_integration", "kinds_90d"],
    ["downstream_integration", "kinds_90d"], ["premium", "signals_90d"],
] -%}
roles as (
    select
        {% for role, measure in counts -%}
        max(case when role = '{{ role }}' then {{ measure }} end) as {{ role }}_{{ measure }},
        {% endfor -%}
        account_id
    from {{ ref("account_role_metrics") }}
    where as_of_date = {{ as_of_date() }}
    group by account_id
),

sequences as (
    select
        account_id,
        count(distinct case when occurred_on >= {{ as_of_date() }} - 28 then signal end) as completed_28d,
        count(distinct signal) as completed_90d
    from {{ ref("account_sequence_days") }}
    where
        occurred_on < {{ as_of_date() }}
        and available_on < {{ as_of_date() }}
        and occurred_on >= {{ as_of_date() }} - 90
    group by account_id
),

accounts as (
    select account_id from members
    union distinct
    select account_id from roles
),

final as (
    select
        accounts.account_id,
        {{ as_of_date() }} as as_of_date,
        cast(coalesce(members.members, 0) as integer) as members,

        coalesce(roles.login_active_days_7d, 0) as login_days_7d,
        case
            when roles.login_active_days_7d >= 5 then '5+'
            when roles.login_active_days_7d >= 3 then '3-4'
            when roles.login_active_days_7d >= 1 then '1-2'
            else 'none'
        end as login_band_7d,

        coalesce(roles.invite_sent_events_28d, 0) as invites_sent_28d,
        coalesce(roles.invite_sent_events_90d, 0) as invites_sent_90d,
        coalesce(roles.invite_accepted_events_28d, 0) as invites_accepted_28d,
        coalesce(roles.invite_accepted_events_90d, 0) as invites_accepted_90d,
        -- More may be accepted within the window than were sent in it.
        least(coalesce(roles.invite_accepted_events_90d, 0), roles.invite_sent_events_90d)
        / nullif(cast(roles.invite_sent_events_90d as double), 0) as acceptance_share_90d,
        coalesce(roles.invite_sent_details_90d, 0) as invited_functions_90d,

        coalesce(roles.external_share_events_28d, 0) as external_shares_28d,
        coalesce(roles.external_share_events_90d, 0) as external_shares_90d,
        coalesce(roles.schedule_people_90d, 0) as scheduling_people_90d,
        coalesce(roles.admin_events_28d, 0) as admin_events_28d,
        coalesce(roles.admin_people_90d, 0) as admin_people_90d,

        coalesce(roles.custom_role_events_90d, 0) as custom_roles_90d,
        coalesce(roles.export_events_28d, 0) as exports_28d,
        coalesce(roles.export_events_90d, 0) as exports_90d,
        coalesce(roles.own_automation_events_90d, 0) as own_automations_90d,
        coalesce(roles.own_automation_events_90d, 0)
        / nullif(cast(coalesce(roles.own_automation_events_90d, 0) + coalesce(roles.template_automation_events_90d, 0) as double), 0)
            as own_automation_share_90d,
        coalesce(roles.volume_amount_90d, 0) as volume_90d,
        coalesce(roles.upstream_integration_kinds_90d, 0) as upstream_kinds_90d,
        coalesce(roles.downstream_integration_kinds_90d, 0) as downstream_kinds_90d,
        coalesce(roles.premium_signals_90d, 0) as premium_signals_90d,

        cast(coalesce(sequences.completed_28d, 0) as integer) as sequences_28d,
        cast(coalesce(sequences.completed_90d, 0) as integer) as sequences_90d
    from accounts
    left join members on accounts.account_id = members.account_id
    left join roles on accounts.account_id = roles.account_id
    left join sequences on accounts.account_id = sequences.account_id
)

select * from final
