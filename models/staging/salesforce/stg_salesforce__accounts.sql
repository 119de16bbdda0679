-- Grain: one row per version of a Salesforce account. Without a history table the only version is today's, known since
-- creation, and a second one of its deletion, known since the last change.

{%- set columns = [
    ["id", "varchar"], ["name", "varchar"], ["website", "varchar"], ["industry", "varchar"], ["number_of_employees", "bigint"],
    ["billing_country", "varchar"], ["type", "varchar"], ["parent_id", "varchar"], ["owner_id", "varchar"], ["workspace_id_c", "varchar"],
    ["verified_domain_c", "varchar"], ["sso_domain_c", "varchar"], ["is_deleted", "boolean"], ["master_record_id", "varchar"],
    ["created_date", "timestamp"],
] %}

with

history_rows as (
    {{ source_columns("salesforce", "account_history", columns + [["_fivetran_start", "timestamp"], ["_fivetran_end", "timestamp"]]) }}
),

-- Salesforce's own AccountHistory has the same name, and holds no versions.
history as (
    select * from history_rows where _fivetran_start is not null
),

latest as (
    {{ source_columns("salesforce", "account", columns + [["last_modified_date", "timestamp"]]) }}
),

without_history as (
    select latest.*
    from latest
    left join history on latest.id = history.id
    where history.id is null
),

versions as (
    select
        *,
        _fivetran_start as version_from,
        nullif(_fivetran_end, cast('9999-12-31 23:59:59' as timestamp)) as version_to,
        coalesce(is_deleted, false) as is_gone
    from history

    union all

    -- A deleted account was a living one until its last change.
    select
        *,
        null,
        created_date,
        case when is_deleted then last_modified_date end,
        false
    from without_history
    where not coalesce(is_deleted, false) or last_modified_date is not null

    union all

    select
        *,
        null,
        coalesce(last_modified_date, created_date),
        null,
        true
    from without_history
    where is_deleted
),

final as (
    select
        id as crm_account_id,
        name,
        {{ host_of("website") }} as website_host,
        parent_id as parent_crm_account_id,
        owner_id,
        workspace_id_c as group_id,
        {{ host_of("verified_domain_c") }} as verified_host,
        {{ host_of("sso_domain_c") }} as sso_host,
        industry,
        number_of_employees as employees,
        billing_country as country,
        type as account_type,
        is_gone as is_deleted,
        -- Salesforce deletes the account that a merge did away with, and writes on it the one that stays.
        case when is_gone then master_record_id end as merged_into_crm_account_id,
        cast(null as varchar) as synced_crm_account_id,
        created_date as created_at,
        version_from as available_at,
        version_to as superseded_at
    from versions
)

select * from final
