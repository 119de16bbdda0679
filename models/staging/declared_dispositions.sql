-- Grain: one row per answer of a rep on an account, from a file, a form or a field of the CRM: the one place where they meet. Not here:
-- which account it is on, and what that account had been given; see `account_dispositions`.
{{ config(materialized="table") }}

with

crm as (
    select * from {{ crm_records("dispositions", with_system=true) }} as dispositions
),

said as (
    select * from {{ ref("stg_feedback__dispositions") }}
),

unioned as (
    select
        disposition_id,
        crm as source,
        crm_account_id as account_given,
        given,
        reason,
        who,
        said_at,
        said_at as available_at,
        ended_at,
        is_dated,
        cast(null as varchar) as grade,
        cast(null as varchar) as play,
        cast(null as varchar) as owner
    from crm

    union all

    select
        disposition_id,
        source,
        account_given,
        given,
        reason,
        who,
        said_at,
        available_at,
        null,
        true,
        grade,
        play,
        owner
    from said
),

final as (
    select
        disposition_id,
        source,
        account_given,
        given,
        {{ disposition_of("given") }} as disposition,
        reason,
        who,
        said_at,
        available_at,
        ended_at,
        is_dated,
        grade,
        play,
        owner
    from unioned
)

select * from final
