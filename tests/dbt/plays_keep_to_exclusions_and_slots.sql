-- Nobody who is excluded gets a play, nobody gets none without a reason on record, and nobody is given more new accounts in a week than
-- owners.csv allows. Weeks in which this run gave nothing are not looked at: slots may have been lowered since.
{{ config(meta={"dagster": {"ref": {"name": "plays_by_run"}}}) }}

with

plays as (
    select * from {{ ref("plays_by_run") }} where run_id = {{ running_run() }}
),

excluded as (
    select distinct account_id from {{ ref("play_exclusions") }}
),

held_out as (
    select distinct account_id from {{ ref("holdouts") }} where experiment = 'holdout' and is_drawn
),

by_hand as (
    select account_id from {{ ref("routed_accounts_by_run") }} where override_play = 'none'
),

given as (
    select
        assignments.owner,
        assignments.owner_role,
        count(*) as accounts,
        max(case when assignments.run_id = {{ running_run() }} then 1 else 0 end) as is_of_this_run
    from {{ ref("owner_assignments") }} as assignments
    cross join {{ source("publishing", "runs") }} as runs
    where runs.status = 'running' and assignments.assigned_at >= date_trunc('week', runs.started_at)
    group by assignments.owner, assignments.owner_role
),

final as (
    select plays.account_id as subject, 'excluded, and has a play' as what
    from plays
    inner join excluded on plays.account_id = excluded.account_id
    where plays.play <> 'none'

    union all

    select plays.account_id, 'kept away without a reason on record'
    from plays
    left join excluded on plays.account_id = excluded.account_id
    left join held_out on plays.account_id = held_out.account_id
    left join by_hand on plays.account_id = by_hand.account_id
    where plays.play = 'none' and coalesce(excluded.account_id, held_out.account_id, by_hand.account_id) is null

    union all

    select given.owner, 'given more accounts than the week allows'
    from given
    inner join {{ ref("owners") }} as owners on given.owner = owners.owner and given.owner_role = owners.role
    where given.is_of_this_run = 1 and given.accounts > owners.weekly_slots
)

select * from final
