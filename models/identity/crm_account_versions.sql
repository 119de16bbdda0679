-- Grain: one row per version of an organisation's record: CRM accounts, and accounts or workspaces of the user's own tables.

with

crm as (
    select * from {{ crm_records("accounts") }} as versions
),

backend as (
    select * from {{ ref("stg_backend__accounts") }}
),

final as (
    select
        'crm_account:' || crm_account_id as node,
        crm_account_id,
        group_id,
        name,
        website_host,
        verified_host,
        sso_host,
        'crm_account:' || parent_crm_account_id as parent_node,
        owner_id,
        industry,
        employees,
        country,
        is_deleted,
        'crm_account:' || merged_into_crm_account_id as merged_into_node,
        'crm_account:' || synced_crm_account_id as synced_node,
        available_at,
        superseded_at
    from crm

    union all

    select
        'workspace:' || group_id,
        null,
        group_id,
        name,
        website_host,
        verified_host,
        sso_host,
        'workspace:' || parent_group_id,
        owner_id,
        industry,
        employees,
        country,
        false,
        null,
        null,
        available_at,
        superseded_at
    from backend
)

select * from final
