-- Grain: one row per call, e-mail, message, meeting or task in HubSpot that was done: what a rep did, not what the account did. Not
-- here: e-mails that came in, tasks to do, meetings that did not take place, and notes, which tell of what has a row of its own.

{%- set times = [
    ["engagement_id", "varchar"], ["_fivetran_deleted", "boolean"], ["property_hubspot_owner_id", "varchar"],
    ["property_hs_timestamp", "timestamp"], ["property_hs_createdate", "timestamp"], ["property_hs_lastmodifieddate", "timestamp"],
    ["_fivetran_synced", "timestamp"],
] %}

with

engagements as (
    {{ source_columns("hubspot", "engagement", [
        ["id", "varchar"], ["is_deleted", "boolean"], ["_fivetran_deleted", "boolean"], ["owner_id", "varchar"],
        ["timestamp", "timestamp"], ["created_at", "timestamp"], ["last_updated", "timestamp"],
    ]) }}
),

calls as (
    {{ source_columns("hubspot", "engagement_call", times + [["property_hs_activity_type", "varchar"]]) }}
),

communications as (
    {{ source_columns("hubspot", "engagement_communication", times + [["property_hs_communication_channel_type", "varchar"]]) }}
),

emails as (
    {{ source_columns("hubspot", "engagement_email", times + [["property_hs_email_direction", "varchar"]]) }}
),

meetings as (
    {{ source_columns("hubspot", "engagement_meeting", times + [
        ["property_hs_activity_type", "varchar"], ["property_hs_meeting_outcome", "varchar"], ["meeting_outcome", "varchar"],
        ["property_hs_meeting_start_time", "timestamp"], ["start_time", "timestamp"],
    ]) }}
),

tasks as (
    {{ source_columns("hubspot", "engagement_task", times + [
        ["property_hs_task_type", "varchar"], ["property_hs_task_status", "varchar"], ["status", "varchar"],
        ["property_hs_task_completion_date", "timestamp"], ["completion_date", "timestamp"],
    ]) }}
),

engagement_companies as (
    {{ source_columns("hubspot", "engagement_company", [["engagement_id", "varchar"], ["company_id", "varchar"]]) }}
),

engagement_contacts as (
    {{ source_columns("hubspot", "engagement_contact", [["engagement_id", "varchar"], ["contact_id", "varchar"]]) }}
),

merged_companies as (
    select merged_id, kept_id from {{ ref("stg_hubspot__merges") }} where record_type = 'company'
),

merged_contacts as (
    select merged_id, kept_id from {{ ref("stg_hubspot__merges") }} where record_type = 'contact'
),

-- The date of a task is when it is due. Without the moment of completion it was done on that day, or when it was written down
-- if that was later: the later of the two can only hide a task for longer, never show it early.
done as (
    select
        engagement_id, 'call' as activity_kind, property_hs_activity_type as activity_type, property_hubspot_owner_id,
        property_hs_timestamp as done_at, property_hs_createdate, property_hs_lastmodifieddate, _fivetran_synced, _fivetran_deleted
    from calls

    union all

    select
        engagement_id, 'communication', property_hs_communication_channel_type, property_hubspot_owner_id,
        property_hs_timestamp, property_hs_createdate, property_hs_lastmodifieddate, _fivetran_synced, _fivetran_deleted
    from communications

    union all

    select
        engagement_id, 'email', property_hs_email_direction, property_hubspot_owner_id,
        property_hs_timestamp, property_hs_createdate, property_hs_lastmodifieddate, _fivetran_synced, _fivetran_deleted
    from emails
    where coalesce(property_hs_email_direction, '') <> 'INCOMING_EMAIL'

    union all

    select
        engagement_id, 'meeting', property_hs_activity_type, property_hubspot_owner_id,
        coalesce(property_hs_meeting_start_time, start_time, property_hs_timestamp),
        property_hs_createdate, property_hs_lastmodifieddate, _fivetran_synced, _fivetran_deleted
    from meetings
    where upper(coalesce(property_hs_meeting_outcome, meeting_outcome, '')) not in ('CANCELED', 'NO_SHOW', 'RESCHEDULED')

    union all

    select
        engagement_id, 'task', property_hs_task_type, property_hubspot_owner_id,
        coalesce(property_hs_task_completion_date, completion_date, greatest(property_hs_timestamp, property_hs_createdate)),
        property_hs_createdate, property_hs_lastmodifieddate, _fivetran_synced, _fivetran_deleted
    from tasks
    where upper(coalesce(property_hs_task_status, status)) = 'COMPLETED'
),

companies as (
    select engagement_companies.engagement_id, min(coalesce(merged_companies.kept_id, engagement_companies.company_id)) as company_id
    from engagement_companies
    left join merged_companies on engagement_companies.company_id = merged_companies.merged_id
    group by engagement_companies.engagement_id
),

contacts as (
    select engagement_contacts.engagement_id, min(coalesce(merged_contacts.kept_id, engagement_contacts.contact_id)) as contact_id
    from engagement_contacts
    left join merged_contacts on engagement_contacts.contact_id = merged_contacts.merged_id
    group by engagement_contacts.engagement_id
),

joined as (
    select
        done.engagement_id,
        done.activity_kind,
        done.activity_type,
        companies.company_id,
        contacts.contact_id,
        coalesce(done.property_hubspot_owner_id, engagements.owner_id) as owner_id,
        coalesce(done.done_at, engagements.timestamp, done.property_hs_createdate, engagements.created_at, done._fivetran_synced)
            as occurred_at,
        coalesce(done.property_hs_createdate, engagements.created_at, done._fivetran_synced) as created_at,
        case
            when coalesce(done._fivetran_deleted, engagements._fivetran_deleted, engagements.is_deleted)
                then coalesce(done._fivetran_synced, done.property_hs_lastmodifieddate, engagements.last_updated)
        end as deleted_available_at
    from done
    left join engagements on done.engagement_id = engagements.id
    left join companies on done.engagement_id = companies.engagement_id
    left join contacts on done.engagement_id = contacts.engagement_id
),

final as (
    select
        'hubspot:' || engagement_id as activity_id,
        activity_kind,
        activity_type,
        'hubspot:' || company_id as crm_account_id,
        'hubspot:' || contact_id as crm_contact_id,
        cast(null as varchar) as crm_lead_id,
        'hubspot:' || owner_id as owner_id,
        occurred_at,
        greatest(occurred_at, created_at) as available_at,
        deleted_available_at
    from joined
)

select * from final
