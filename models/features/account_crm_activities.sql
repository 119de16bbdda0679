-- Grain: one row per (CRM activity, account), since when it could be known of the account. It says what sales did, not what
-- the account did.

with

activities as (
    select * from {{ crm_records("activities") }} as activities
),

facts as (
    select
        activity_id as fact_id,
        coalesce('crm_contact_id:' || crm_contact_id, 'crm_lead_id:' || crm_lead_id) as node,
        'crm_account:' || crm_account_id as organisation_node,
        available_at
    from activities
),

attributed as (
    {{ attributed("facts") }}
),

final as (
    select
        activities.activity_id,
        attributed.account_id,
        activities.activity_kind,
        activities.activity_type,
        activities.owner_id,
        activities.occurred_at,
        attributed.available_at,
        activities.deleted_available_at
    from activities
    inner join attributed on activities.activity_id = attributed.fact_id
)

select * from final
