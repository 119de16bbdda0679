-- Grain: one row per answer that a rep gave in the field `pql_disposition__c` of a Salesforce account: every change of it, where a history
-- of accounts is loaded, else what it says today.

{%- set fields = [["given", "varchar", "pql_disposition_c"], ["reason", "varchar", "pql_disposition_reason_c"]] %}

with

-- Either the versions that Fivetran keeps, or Salesforce's own AccountHistory: one row per changed field, with who changed it.
history as (
    {{ source_columns("salesforce", "account_history", fields + [
        ["id", "varchar"], ["last_modified_by_id", "varchar"], ["owner_id", "varchar"], ["_fivetran_start", "timestamp"],
        ["account_id", "varchar"], ["field", "varchar"], ["new_value", "varchar"], ["created_by_id", "varchar"],
        ["created_date", "timestamp"],
    ]) }}
),

latest as (
    {{ source_columns("salesforce", "account", fields + [
        ["id", "varchar"], ["last_modified_by_id", "varchar"], ["owner_id", "varchar"], ["last_modified_date", "timestamp"],
        ["created_date", "timestamp"], ["_fivetran_synced", "timestamp"],
    ]) }}
),

users as (
    {{ source_columns("salesforce", "user", [["id", "varchar"], ["name", "varchar"]]) }}
),

changed_fields as (
    select
        account_id as id,
        created_date as changed_at,
        max(created_by_id) as who_id,
        max(case when lower(field) = 'pql_disposition__c' then coalesce(new_value, '') end) as given,
        max(case when lower(field) = 'pql_disposition_reason__c' then coalesce(new_value, '') end) as reason
    from history
    where lower(field) in ('pql_disposition__c', 'pql_disposition_reason__c')
    group by account_id, created_date
),

dated as (
    select
        id,
        given,
        reason,
        coalesce(last_modified_by_id, owner_id) as who_id,
        _fivetran_start as changed_at
    from history
    where _fivetran_start is not null

    union all

    select
        id,
        last_value(given ignore nulls) over (partition by id order by changed_at),
        reason,
        who_id,
        changed_at
    from changed_fields
),

-- A reason alone says nothing of when the answer was given.
answered as (
    select distinct id from dated where given is not null
),

states as (
    select
        id as record_id,
        given,
        reason,
        who_id as who,
        changed_at,
        true as is_dated
    from dated

    union all

    select
        latest.id,
        latest.given,
        latest.reason,
        coalesce(latest.last_modified_by_id, latest.owner_id),
        coalesce(latest.last_modified_date, latest._fivetran_synced, latest.created_date),
        false
    from latest
    left join answered on latest.id = answered.id
    where answered.id is null and latest.given is not null
),

answers as (
    {{ answers_in_a_field("states") }}
),

final as (
    select
        md5('salesforce|' || answers.record_id || '|' || answers.given || '|' || answers.said_at) as disposition_id,
        answers.record_id as crm_account_id,
        answers.given,
        answers.reason,
        coalesce(users.name, answers.who) as who,
        answers.said_at,
        answers.ended_at,
        answers.is_dated
    from answers
    left join users on answers.who = users.id
)

select * from final
