-- Grain: one row per (account, CRM) that the CRM has a living record of: the CRM's own id of it, of several records the oldest one's. Not
-- the one id by which an account is shown: that is `accounts.crm_account_id`, of whichever CRM knew it first.

with

living as (
    select *
    from {{ crm_records("accounts", with_system=true) }} as versions
    where not is_deleted and superseded_at is null
),

reach as (
    select * from {{ ref("organisation_reach") }}
),

ranked as (
    select
        reach.target as account_id,
        living.crm,
        living.crm_account_id,
        row_number() over (
            partition by reach.target, living.crm order by living.created_at, living.available_at, living.crm_account_id
        ) as age_rank
    from living
    inner join reach on 'crm_account:' || living.crm_account_id = reach.node
),

final as (
    select
        account_id,
        crm,
        crm_account_id
    from ranked
    where age_rank = 1
)

select * from final
