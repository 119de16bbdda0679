-- Grain: one row per combination of identifiers that some record showed together, with the first time it was known.
-- Everything in this layer reads these rows, never the events again.

with

observed as (
    {% for model in event_models() -%}
    select
        event_type as rule,
        user_id,
        case
            when event_type = 'alias' then coalesce(anonymous_id, {{ json_text("properties", "'previous_id'") }})
            else anonymous_id
        end as anonymous_id,
        email,
        group_id,
        cast(null as varchar) as crm_contact_id,
        cast(null as varchar) as crm_lead_id,
        occurred_at,
        available_at
    from {{ ref(model) }}

    union all
    {% endfor %}
    select 'backend_person', user_id, anonymous_id, email, group_id, null, null, created_at, available_at
    from {{ ref("stg_backend__people") }}

    union all

    select 'crm_contact', null, null, email, null, crm_contact_id, null, available_at, available_at
    from {{ ref("stg_salesforce__contacts") }}

    union all

    select 'crm_lead', null, null, email, null, null, crm_lead_id, available_at, available_at
    from {{ ref("stg_salesforce__leads") }}
),

final as (
    select
        rule,
        nullif(trim(user_id), '') as user_id,
        nullif(trim(anonymous_id), '') as anonymous_id,
        nullif(trim(email), '') as email,
        nullif(trim(group_id), '') as group_id,
        crm_contact_id,
        crm_lead_id,
        min(occurred_at) as occurred_at,
        min(available_at) as available_at,
        count(*) as records
    from observed
    group by 1, 2, 3, 4, 5, 6, 7
)

select * from final
