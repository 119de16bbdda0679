-- Grain: one row per version of a HubSpot company: from each change of a property that is read here on, where the history of properties
-- is loaded, and one of its deletion or its merge, known since the loader saw it. A property without a history counts as known since
-- creation as it stands today. Ids carry the prefix `hubspot:`, so that two CRMs never share one.

{%- set properties = [
    "name", "domain", "website", "industry", "numberofemployees", "country", "type", "hs_parent_company_id", "hubspot_owner_id",
    "workspace_id", "verified_domain", "sso_domain", "salesforceaccountid",
] %}
{%- set company_columns = [
    ["id", "varchar"], ["is_deleted", "boolean"], ["_fivetran_deleted", "boolean"], ["property_createdate", "timestamp"],
    ["property_hs_lastmodifieddate", "timestamp"], ["_fivetran_synced", "timestamp"],
] %}
{%- for property in properties %}
{%- do company_columns.append(["property_" ~ property, "varchar"]) %}
{%- endfor %}

with

companies as (
    {{ source_columns("hubspot", "company", company_columns) }}
),

history as (
    {{ source_columns("hubspot", "company_property_history", [
        ["company_id", "varchar"], ["name", "varchar"], ["value", "varchar"], ["changed_at", "timestamp", ["timestamp", "_fivetran_start"]],
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

-- An emptied property is '', one that did not change is null.
moments as (
    select
        company_id,
        changed_at,
        {% for property in properties -%}
        max(case when name = '{{ property }}' then coalesce(value, '') end) as property_{{ property }},
        {% endfor -%}
        false as is_creation
    from history
    where name in ('{{ properties | join("', '") }}')
    group by company_id, changed_at

    union all

    select
        id,
        property_createdate,
        {% for property in properties -%}
        null,
        {% endfor -%}
        true
    from companies
),

carried as (
    select
        company_id,
        changed_at,
        {% for property in properties -%}
        last_value(property_{{ property }} ignore nulls) over (partition by company_id order by changed_at) as property_{{ property }},
        count(property_{{ property }}) over (partition by company_id) as changes_of_{{ property }},
        {% endfor -%}
        lead(changed_at) over (partition by company_id order by changed_at, is_creation) as next_at
    from moments
),

versions as (
    select
        judged.id,
        judged.property_createdate,
        {% for property in properties -%}
        nullif(
            case when carried.changes_of_{{ property }} > 0 then carried.property_{{ property }} else judged.property_{{ property }} end, ''
        ) as property_{{ property }},
        {% endfor -%}
        judged.kept_id,
        false as is_deletion,
        carried.changed_at as version_from,
        case when judged.is_gone then least(carried.next_at, judged.gone_at) else carried.next_at end as version_to
    from judged
    inner join carried on judged.id = carried.company_id
    where (not judged.is_gone or carried.changed_at < judged.gone_at) and carried.changed_at is distinct from carried.next_at

    union all

    select
        id,
        property_createdate,
        {% for property in properties -%}
        property_{{ property }},
        {% endfor -%}
        kept_id,
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
        cast({{ number_or_null("property_numberofemployees") }} as bigint) as employees,
        property_country as country,
        property_type as account_type,
        is_deletion as is_deleted,
        'hubspot:' || case when is_deletion then kept_id end as merged_into_crm_account_id,
        -- HubSpot's own synchronisation with Salesforce writes it.
        case when not is_deletion then nullif(trim(property_salesforceaccountid), '') end as synced_crm_account_id,
        property_createdate as created_at,
        version_from as available_at,
        version_to as superseded_at
    from versions
)

select * from final
