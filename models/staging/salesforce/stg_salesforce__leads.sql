-- Grain: one row per Salesforce lead, deleted ones too: what was known of a person is not unlearned.

with

leads as (
    {{ source_columns("salesforce", "lead", [
        ["id", "varchar"], ["email", "varchar"], ["company", "varchar"], ["title", "varchar"], ["status", "varchar"],
        ["is_converted", "boolean"], ["converted_contact_id", "varchar"], ["created_date", "timestamp"],
    ]) }}
),

final as (
    select
        id as crm_lead_id,
        lower(trim(email)) as email,
        company,
        title,
        status,
        coalesce(is_converted, false) as is_converted,
        converted_contact_id as crm_contact_id,
        created_date as available_at
    from leads
)

select * from final
