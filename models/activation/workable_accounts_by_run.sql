-- Grain: one row per account that somebody has to work, by its row of routing_rules or because it is drawn to explore low bands, of the
-- run under way. Not here: accounts that sales keeps away from, those that are held out, and plays that need nobody.

with

routed as (
    select * from {{ ref("routed_accounts_by_run") }}
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

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

-- What was drawn holds for one horizon: then the outcome is known, and the account is routed as any other.
drawn as (
    select holdouts.account_id, holdouts.experiment
    from {{ ref("holdouts") }} as holdouts
    cross join scoring
    where
        holdouts.is_drawn
        and holdouts.salt = {{ setting("experiment_salt") }}
        and scoring.as_of_date < holdouts.entered_on + {{ setting("horizon_days", "integer") }}
),

placed as (
    select
        routed.*,
        case
            when explored.account_id is not null and rules.owner_role = 'automation' and routed.override_play is null
                then routed.position_if_qualified
            else routed.position
        end as taken_position,
        explored.account_id is not null and rules.owner_role = 'automation' and routed.override_play is null as is_explored
    from routed
    inner join rules on routed.position = rules.position
    left join drawn as explored on routed.account_id = explored.account_id and explored.experiment = 'exploration'
    left join drawn as held_out on routed.account_id = held_out.account_id and held_out.experiment = 'holdout'
    where (held_out.account_id is null or routed.override_play is not null) and coalesce(routed.override_play, '') <> 'none'
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
        routed.is_explored,
        -- Whoever has the account in the CRM keeps it, unless owners.csv says that the play is not theirs.
        routed.override_owner is null
        and routed.crm_owner is not null
        and coalesce(owners.role = rules.owner_role, true) as is_kept_by_crm_owner,
        routed.override_owner,
        owners.owner as crm_owner_in_file
    from placed as routed
    inner join rules on routed.taken_position = rules.position
    left join owners on routed.crm_owner_email = lower(owners.email)
    left join excluded on routed.account_id = excluded.account_id
    where excluded.account_id is null and rules.owner_role <> 'automation'
)

select * from final
