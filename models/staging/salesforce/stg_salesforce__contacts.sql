-- Grain: one row per Salesforce contact, deleted ones too: what was known of a person is not unlearned.

with

contacts as (
    {{ source_columns("salesforce", "contact", [
        ["id", "varchar"], ["account_id", "varchar"], ["email", "varchar"], ["first_name", "varchar"], ["last_name", "varchar"],
        ["title", "varchar"], ["department", "varchar"], ["created_date", "timestamp"],
        ["has_opted_out_of_email", "boolean"], ["last_modified_date", "timestamp"],
    ]) }}
),

final as (
    select
        id as crm_contact_id,
        account_id as crm_account_id,
        lower(trim(email)) as email,
        trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')) as name,
        title,
        department,
        created_date as available_at,
        -- Today's row says that somebody opted out, not when: since its last change at the latest.
        case when has_opted_out_of_email then coalesce(last_modified_date, created_date) end as opted_out_available_at
    from contacts
)

select * from final
