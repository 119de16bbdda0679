-- Grain: one row per Salesforce lead that was not deleted.

with

leads as (
    {{ source_columns("salesforce", "lead", [
        ["id", "varchar"], ["email", "varchar"], ["company", "varchar"], ["title", "varchar"], ["status", "varchar"],
        ["is_converted", "boolean"], ["converted_contact_id", "varchar"], ["is_deleted", "boolean"], ["created_date", "timestamp"],
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
    where not coalesce(is_deleted, false)
)

select * from final
