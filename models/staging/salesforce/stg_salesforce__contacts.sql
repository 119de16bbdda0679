-- Grain: one row per Salesforce contact, deleted ones too: what was known of a person is not unlearned.

with

contacts as (
    {{ source_columns("salesforce", "contact", [
        ["id", "varchar"], ["account_id", "varchar"], ["email", "varchar"], ["first_name", "varchar"], ["last_name", "varchar"],
        ["title", "varchar"], ["department", "varchar"], ["created_date", "timestamp"],
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
        created_date as available_at
    from contacts
)

select * from final
