-- Grain: one row per (run, account): the one thing to do next, by whom and until when; `none` where sales must keep away, with the
-- reason.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs() }}") }}

with

runs as (
    select * from {{ source("publishing", "runs") }} where status = 'running'
),

routed as (
    select * from {{ ref("routed_accounts_by_run") }}
),

rules as (
    select * from {{ ref("routing_rules") }}
),

workable as (
    select * from {{ ref("workable_accounts_by_run") }}
),

deadlines as (
    select * from {{ ref("owner_deadlines_by_run") }}
),

exclusions as (
    select
        account_id,
        'Excluded: ' || {{ joined_text("reason", "', '", "kind", "true") }} as reason
    from (select account_id, reason, min(kind) as kind from {{ ref("play_exclusions") }} group by account_id, reason) as listed
    group by account_id
),

-- Whoever would be worked, is not excluded and is worked by nobody is held out, or left in peace by hand.
kept_away as (
    select account_id, reason from exclusions

    union all

    select
        routed.account_id,
        coalesce(case when routed.override_play = 'none' then routed.override_reason end, 'Held out, to measure what routing brings')
    from routed
    inner join rules on routed.position = rules.position
    left join workable on routed.account_id = workable.account_id
    left join exclusions on routed.account_id = exclusions.account_id
    where
        workable.account_id is null
        and exclusions.account_id is null
        and (rules.owner_role <> 'automation' or coalesce(routed.override_play = 'none', false))
),

assignments as (
    select
        assignments.account_id,
        assignments.owner_role,
        assignments.owner,
        row_number() over (
            partition by assignments.account_id, assignments.owner_role order by assignments.assigned_at desc
        ) as age_rank
    from {{ ref("owner_assignments") }} as assignments
    inner join {{ ref("owners") }} as owners on assignments.owner = owners.owner and assignments.owner_role = owners.role
),

talking_points as (
    select * from {{ ref("account_talking_points") }}
),

contacts as (
    select account_id, person_id from {{ ref("person_scores") }} where is_first_contact
),

previous as (
    {% if holds_column("due_at") -%}
    select account_id, play, owner, play_since, due_at from {{ this }} where run_id = {{ published_run() }}
    {%- else -%}
    select
        cast(null as varchar) as account_id,
        cast(null as varchar) as play,
        cast(null as varchar) as owner,
        cast(null as timestamp) as play_since,
        cast(null as timestamp) as due_at
    where 1 = 0
    {%- endif %}
),

decided as (
    select
        routed.run_id,
        routed.account_id,
        case when kept_away.reason is null then rules.play else 'none' end as play,
        case
            when kept_away.reason is not null then 'nobody'
            when workable.account_id is null then rules.owner_role
            when workable.override_owner is not null then workable.override_owner
            when workable.is_kept_by_crm_owner then routed.crm_owner
            else coalesce(assignments.owner, rules.owner_role)
        end as owner,
        case
            when kept_away.reason is not null then 'nobody'
            when workable.account_id is null then 'automation'
            when workable.is_kept_by_crm_owner then 'crm'
            when workable.override_owner is not null then 'assigned'
            when assignments.owner is not null then 'assigned'
            else 'waiting'
        end as owner_by,
        -- The hours of whoever works it: an owner of the CRM that owners.csv does not know has those of the office.
        case
            when workable.is_kept_by_crm_owner then coalesce(workable.crm_owner_in_file, '*')
            else coalesce(workable.override_owner, assignments.owner)
        end as works_as,
        case when kept_away.reason is null then rules.sla_hours end as sla_hours,
        case when kept_away.reason is null then rules.channel else 'none' end as channel,
        case
            when kept_away.reason is not null then kept_away.reason
            when routed.override_reason is not null then routed.override_reason
            when workable.is_explored then 'Drawn to explore: a low score, worked to see whether it is right'
            else rules.reason
        end as reason,
        coalesce(talking_points.talking_points, '') as talking_points,
        case when workable.account_id is not null then contacts.person_id end as contact_person_id
    from routed
    left join workable on routed.account_id = workable.account_id
    inner join rules on coalesce(workable.position, routed.position) = rules.position
    left join kept_away on routed.account_id = kept_away.account_id
    left join assignments
        on workable.account_id = assignments.account_id
        and workable.owner_role = assignments.owner_role
        and assignments.age_rank = 1
    left join talking_points on routed.account_id = talking_points.account_id
    left join contacts on routed.account_id = contacts.account_id
),

final as (
    select
        decided.run_id,
        decided.account_id,
        decided.play,
        decided.owner,
        decided.sla_hours,
        decided.channel,
        decided.reason,
        decided.talking_points,
        decided.owner_by,
        decided.contact_person_id,
        coalesce(previous.play_since, runs.started_at) as play_since,
        -- A play that goes on is due when it was due; one that waits for an owner is due once it has one.
        coalesce(previous.due_at, deadlines.due_at) as due_at
    from decided
    cross join runs
    left join deadlines on decided.works_as = deadlines.owner and decided.sla_hours = deadlines.sla_hours
    left join previous
        on decided.account_id = previous.account_id and decided.play = previous.play and decided.owner = previous.owner
)

select * from final
