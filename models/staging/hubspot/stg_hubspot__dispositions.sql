-- Grain: one row per answer that a rep gave in the property `pql_disposition` of a HubSpot company: every change of it, where the
-- history of properties is loaded, else what it says today. An answer on a company that was merged is one on the company that stays.

with

history as (
    {{ source_columns("hubspot", "company_property_history", [
        ["company_id", "varchar"], ["name", "varchar"], ["value", "varchar"], ["source_id", "varchar"],
        ["changed_at", "timestamp", ["timestamp", "_fivetran_start"]],
    ]) }}
),

latest as (
    {{ source_columns("hubspot", "company", [
        ["id", "varchar"], ["given", "varchar", "property_pql_disposition"], ["reason", "varchar", "property_pql_disposition_reason"],
        ["user_id", "varchar", "property_hs_updated_by_user_id"], ["owner_id", "varchar", "property_hubspot_owner_id"],
        ["property_hs_lastmodifieddate", "timestamp"], ["property_createdate", "timestamp"], ["_fivetran_synced", "timestamp"],
    ]) }}
),

owners as (
    {{ source_columns("hubspot", "owner", [
        ["owner_id", "varchar"], ["user_id", "varchar", ["active_user_id", "user_id"]], ["first_name", "varchar"],
        ["last_name", "varchar"], ["email", "varchar"],
    ]) }}
),

merged_records as (
    select merged_id, kept_id from {{ ref("stg_hubspot__merges") }} where record_type = 'company'
),

changed_properties as (
    select
        company_id,
        changed_at,
        max(case when name = 'pql_disposition' then coalesce(value, '') end) as given,
        max(case when name = 'pql_disposition_reason' then coalesce(value, '') end) as reason,
        -- Of a change by hand HubSpot writes "userId:123".
        max(case when source_id like 'userId:%' then substr(source_id, 8) end) as user_id
    from history
    where name in ('pql_disposition', 'pql_disposition_reason')
    group by company_id, changed_at
),

carried as (
    select
        company_id,
        last_value(given ignore nulls) over (partition by company_id order by changed_at) as given,
        reason,
        user_id,
        changed_at
    from changed_properties
),

answered as (
    select distinct company_id from carried where given is not null
),

named as (
    select
        owner_id,
        user_id,
        coalesce(nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), ''), email) as name
    from owners
),

states as (
    select
        carried.company_id as record_id,
        carried.given,
        carried.reason,
        coalesce(users.name, carried.user_id) as who,
        carried.changed_at,
        true as is_dated
    from carried
    left join named as users on carried.user_id = users.user_id

    union all

    select
        latest.id,
        latest.given,
        latest.reason,
        coalesce(users.name, owners.name, latest.owner_id),
        coalesce(latest.property_hs_lastmodifieddate, latest._fivetran_synced, latest.property_createdate),
        false
    from latest
    left join answered on latest.id = answered.company_id
    left join named as users on latest.user_id = users.user_id
    left join named as owners on latest.owner_id = owners.owner_id
    where answered.company_id is null and latest.given is not null
),

answers as (
    {{ answers_in_a_field("states") }}
),

final as (
    select
        md5('hubspot|' || answers.record_id || '|' || answers.given || '|' || answers.said_at) as disposition_id,
        'hubspot:' || coalesce(merged_records.kept_id, answers.record_id) as crm_account_id,
        answers.given,
        answers.reason,
        answers.who,
        answers.said_at,
        answers.ended_at,
        answers.is_dated
    from answers
    left join merged_records on answers.record_id = merged_records.merged_id
)

select * from final
