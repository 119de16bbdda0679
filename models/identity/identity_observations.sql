-- Grain: one row per combination of identifiers that some record showed together, with the first time it was known. Identifiers
-- are normalised; those of a forgotten person are left out. Everything in this layer reads these rows, never the events again.

with

rules as (
    select * from {{ ref("identity_rules") }}
),

events as (
    select
        event_id,
        event_type as rule,
        source,
        user_id,
        case
            when event_type = 'alias' then coalesce(anonymous_id, {{ json_text("properties", "'previous_id'") }})
            else anonymous_id
        end as anonymous_id,
        email,
        group_id,
        properties,
        occurred_at,
        available_at
    from {{ ref("source_events") }}
),

own_identifiers as (
    select
        events.event_id,
        rules.identifier_type,
        {{ normalised_identifier(own_identifier("events.properties", "rules.properties"), "rules.normalisation") }} as identifier
    from events
    inner join rules on {{ own_identifier("events.properties", "rules.properties") }} is not null
),

own_by_event as (
    select
        event_id,
        '{' || string_agg(
            '"' || identifier_type || '": ' || {{ json_string("identifier") }}, ', ' order by identifier_type
        ) || '}' as other_identifiers
    from own_identifiers
    where identifier is not null and not {{ is_forgotten("identifier_type || ':' || identifier") }}
    group by event_id
),

observed as (
    select
        events.rule,
        events.source,
        events.user_id,
        events.anonymous_id,
        events.email,
        events.group_id,
        cast(null as varchar) as crm_contact_id,
        cast(null as varchar) as crm_lead_id,
        own_by_event.other_identifiers,
        events.occurred_at,
        events.available_at
    from events
    left join own_by_event on events.event_id = own_by_event.event_id

    union all

    select 'backend_person', source, user_id, anonymous_id, email, group_id, null, null, null, created_at, available_at
    from {{ ref("stg_backend__people") }}

    union all

    select 'crm_contact', crm, null, null, email, null, crm_contact_id, null, null, available_at, available_at
    from {{ crm_records("contacts", with_system=true) }} as contacts

    union all

    select 'crm_lead', 'salesforce', null, null, email, null, null, crm_lead_id, null, available_at, available_at
    from {{ ref("stg_salesforce__leads") }}
),

distinct_observed as (
    select
        rule,
        source,
        user_id,
        anonymous_id,
        email,
        group_id,
        crm_contact_id,
        crm_lead_id,
        other_identifiers,
        min(occurred_at) as occurred_at,
        min(available_at) as available_at,
        count(*) as records
    from observed
    group by
        rule, source, user_id, anonymous_id, email, group_id, crm_contact_id, crm_lead_id, other_identifiers
),

normalised as (
    select
        rule,
        source,
        {% for type in identifier_types() -%}
        {{ normalised(type, type) }} as {{ type }},
        {% endfor -%}
        nullif(trim(group_id), '') as group_id,
        other_identifiers,
        occurred_at,
        available_at,
        records
    from distinct_observed
),

remembered as (
    select
        rule,
        source,
        {% for type in identifier_types() -%}
        case when not {{ is_forgotten("'" ~ type ~ ":' || " ~ type) }} then {{ type }} end as {{ type }},
        {% endfor -%}
        group_id,
        other_identifiers,
        occurred_at,
        available_at,
        records
    from normalised
),

final as (
    select
        md5(
            rule || chr(31) || source
            {% for column in identifier_types() + ["group_id", "other_identifiers"] -%}
            || chr(31) || coalesce({{ column }}, '')
            {% endfor -%}
        ) as observation_id,
        rule,
        source,
        user_id,
        anonymous_id,
        email,
        group_id,
        crm_contact_id,
        crm_lead_id,
        other_identifiers,
        min(occurred_at) as occurred_at,
        min(available_at) as available_at,
        cast(sum(records) as bigint) as records
    from remembered
    group by
        rule, source, user_id, anonymous_id, email, group_id, crm_contact_id, crm_lead_id, other_identifiers
)

select * from final
