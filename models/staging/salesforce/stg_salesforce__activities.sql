-- Grain: one row per task or event in Salesforce that was done: what a rep did, not what the account did. Not here: what is
-- only planned, the masters of recurring series, and the copies that every invitee of a meeting gets.

with

tasks as (
    {{ source_columns("salesforce", "task", [
        ["id", "varchar"], ["account_id", "varchar"], ["who_id", "varchar"], ["owner_id", "varchar"], ["type", "varchar"],
        ["status", "varchar"], ["is_closed", "boolean"], ["is_recurrence", "boolean"], ["is_deleted", "boolean"],
        ["activity_date", "timestamp"], ["completed_date_time", "timestamp"], ["created_date", "timestamp"],
        ["last_modified_date", "timestamp"],
    ]) }}
),

events as (
    {{ source_columns("salesforce", "event", [
        ["id", "varchar"], ["account_id", "varchar"], ["who_id", "varchar"], ["owner_id", "varchar"], ["type", "varchar"],
        ["is_recurrence", "boolean"], ["is_child", "boolean"], ["is_deleted", "boolean"], ["start_date_time", "timestamp"],
        ["activity_date_time", "timestamp"], ["created_date", "timestamp"], ["last_modified_date", "timestamp"],
    ]) }}
),

-- The date of a task is when it is due. Without the moment of completion it was done on that day, or when it was written down
-- if that was later: the later of the two can only hide a task for longer, never show it early.
unioned as (
    select
        id, 'task' as activity_kind, type, account_id, who_id, owner_id, is_deleted, created_date, last_modified_date,
        coalesce(completed_date_time, greatest(activity_date, created_date)) as occurred_at
    from tasks
    where coalesce(is_closed, lower(status) = 'completed') and not coalesce(is_recurrence, false)

    union all

    select
        id, 'event', type, account_id, who_id, owner_id, is_deleted, created_date, last_modified_date,
        coalesce(start_date_time, activity_date_time, created_date)
    from events
    where not coalesce(is_recurrence, false) and not coalesce(is_child, false)
),

final as (
    select
        id as activity_id,
        activity_kind,
        type as activity_type,
        account_id as crm_account_id,
        -- Salesforce's ids begin with the type of the record.
        case when who_id like '003%' then who_id end as crm_contact_id,
        case when who_id like '00Q%' then who_id end as crm_lead_id,
        owner_id,
        occurred_at,
        greatest(occurred_at, created_date) as available_at,
        case when is_deleted then coalesce(last_modified_date, created_date) end as deleted_available_at
    from unioned
)

select * from final
