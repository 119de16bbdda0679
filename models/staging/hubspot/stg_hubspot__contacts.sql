-- Grain: one row per HubSpot contact, deleted ones too: what was known of a person is not unlearned. Not here: contacts that were
-- merged into another, which is the one that counts.

with

contacts as (
    {{ source_columns("hubspot", "contact", [
        ["id", "varchar"], ["property_associatedcompanyid", "varchar"], ["property_email", "varchar"], ["property_firstname", "varchar"],
        ["property_lastname", "varchar"], ["property_jobtitle", "varchar"], ["property_job_function", "varchar"],
        ["property_hs_email_optout", "boolean"], ["property_createdate", "timestamp"], ["property_lastmodifieddate", "timestamp"],
    ]) }}
),

merged_records as (
    select merged_id, kept_id from {{ ref("stg_hubspot__merges") }} where record_type = 'contact'
),

merged_companies as (
    select merged_id, kept_id from {{ ref("stg_hubspot__merges") }} where record_type = 'company'
),

final as (
    select
        'hubspot:' || contacts.id as crm_contact_id,
        'hubspot:' || coalesce(merged_companies.kept_id, contacts.property_associatedcompanyid) as crm_account_id,
        lower(trim(contacts.property_email)) as email,
        trim(coalesce(contacts.property_firstname, '') || ' ' || coalesce(contacts.property_lastname, '')) as name,
        contacts.property_jobtitle as title,
        contacts.property_job_function as department,
        contacts.property_createdate as available_at,
        -- Today's row says that somebody opted out, not when: since its last change at the latest.
        case
            when contacts.property_hs_email_optout then coalesce(contacts.property_lastmodifieddate, contacts.property_createdate)
        end as opted_out_available_at
    from contacts
    left join merged_records on contacts.id = merged_records.merged_id
    left join merged_companies on contacts.property_associatedcompanyid = merged_companies.merged_id
    where merged_records.merged_id is null
)

select * from final
