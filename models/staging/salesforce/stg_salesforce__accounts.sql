-- Grain: one row per version of a Salesforce account. Without a history table the only version is today's, known since creation.

{%- set columns = [
    ["id", "varchar"], ["name", "varchar"], ["website", "varchar"], ["industry", "varchar"], ["number_of_employees", "bigint"],
    ["billing_country", "varchar"], ["parent_id", "varchar"], ["owner_id", "varchar"], ["workspace_id_c", "varchar"],
    ["is_deleted", "boolean"], ["created_date", "timestamp"],
] %}

with

history as (
    {{ source_columns("salesforce", "account_history", columns + [["_fivetran_start", "timestamp"], ["_fivetran_end", "timestamp"]]) }}
),

latest as (
    {{ source_columns("salesforce", "account", columns) }}
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
        nullif(_fivetran_end, cast('9999-12-31 23:59:59' as timestamp)) as version_to
    from history

    union all

    select
        *,
        null,
        null,
        created_date,
        null
    from without_history
),

final as (
    select
        id as crm_account_id,
        name,
        {{ host_of("website") }} as website_host,
        parent_id as parent_crm_account_id,
        owner_id,
        workspace_id_c as group_id,
        industry,
        number_of_employees as employees,
        billing_country as country,
        coalesce(is_deleted, false) as is_deleted,
        created_date as created_at,
        version_from as available_at,
        version_to as superseded_at
    from versions
)

select * from final
