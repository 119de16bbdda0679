-- Grain: one row per version of a HubSpot company: today's, known since creation, and a second one of its deletion or its merge,
-- known since the loader saw it. Ids carry the prefix `hubspot:`, so that two CRMs never share one.

with

companies as (
    {{ source_columns("hubspot", "company", [
        ["id", "varchar"], ["is_deleted", "boolean"], ["_fivetran_deleted", "boolean"], ["property_name", "varchar"],
        ["property_domain", "varchar"], ["property_website", "varchar"], ["property_industry", "varchar"],
        ["property_numberofemployees", "double"], ["property_country", "varchar"], ["property_type", "varchar"],
        ["property_hs_parent_company_id", "varchar"], ["property_hubspot_owner_id", "varchar"],
        ["property_workspace_id", "varchar"], ["property_verified_domain", "varchar"], ["property_sso_domain", "varchar"],
        ["property_createdate", "timestamp"], ["property_hs_lastmodifieddate", "timestamp"], ["_fivetran_synced", "timestamp"],
    ]) }}
),

merged_records as (
    select merged_id, kept_id from {{ ref("stg_hubspot__merges") }} where record_type = 'company'
),

judged as (
    select
        companies.*,
        merged_records.kept_id,
        (coalesce(companies.is_deleted, companies._fivetran_deleted, false) or merged_records.kept_id is not null) as is_gone,
        coalesce(companies._fivetran_synced, companies.property_hs_lastmodifieddate, companies.property_createdate) as gone_at
    from companies
    left join merged_records on companies.id = merged_records.merged_id
),

versions as (
    select
        *,
        false as is_deletion,
        property_createdate as version_from,
        case when is_gone then gone_at end as version_to
    from judged

    union all

    select
        *,
        true,
        gone_at,
        null
    from judged
    where is_gone
),

final as (
    select
        'hubspot:' || id as crm_account_id,
        property_name as name,
        {{ host_of("coalesce(nullif(trim(property_domain), ''), property_website)") }} as website_host,
        'hubspot:' || property_hs_parent_company_id as parent_crm_account_id,
        'hubspot:' || property_hubspot_owner_id as owner_id,
        property_workspace_id as group_id,
        {{ host_of("property_verified_domain") }} as verified_host,
        {{ host_of("property_sso_domain") }} as sso_host,
        property_industry as industry,
        cast(property_numberofemployees as bigint) as employees,
        property_country as country,
        property_type as account_type,
        is_deletion as is_deleted,
        'hubspot:' || case when is_deletion then kept_id end as merged_into_crm_account_id,
        property_createdate as created_at,
        version_from as available_at,
        version_to as superseded_at
    from versions
)

select * from final
