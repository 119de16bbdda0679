-- Grain: one row per account that somebody has to work by its row of routing_rules, of the run under way. Not here: accounts that sales
-- keeps away from, and plays that need nobody.

with

routed as (
    select * from {{ ref("routed_accounts") }}
),

rules as (
    select * from {{ ref("routing_rules") }}
),

owners as (
    select * from {{ ref("owners") }}
),

excluded as (
    select distinct account_id from {{ ref("play_exclusions") }}
),

final as (
    select
        routed.run_id,
        routed.account_id,
        routed.score,
        routed.employees,
        routed.country,
        rules.position,
        rules.owner_role,
        -- Whoever has the account in the CRM keeps it, unless owners.csv says that the play is not theirs.
        routed.crm_owner is not null and coalesce(owners.role = rules.owner_role, true) as is_kept_by_crm_owner,
        owners.owner as crm_owner_in_file
    from routed
    inner join rules on routed.position = rules.position
    left join owners on routed.crm_owner_email = lower(owners.email)
    left join excluded on routed.account_id = excluded.account_id
    where excluded.account_id is null and rules.owner_role <> 'automation'
)

select * from final
