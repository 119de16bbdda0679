-- Grain: one row per (run, account): what to do next, by the first row of routing_rules that fits; `none` where sales must
-- keep away, with the reason.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs() }}") }}

with

scores as (
    select * from {{ ref("account_score_history") }} where run_id = {{ running_run() }}
),

accounts as (
    select * from {{ ref("accounts") }}
),

examples as (
    select * from {{ ref("scoring_examples") }}
),

exclusions as (
    select * from {{ ref("account_exclusions") }}
),

owners as (
    select * from {{ ref("stg_salesforce__owners") }} where is_active
),

talking_points as (
    select
        account_id,
        {{ joined_text("label", "'; '", "rank", "direction = 'up' and rank <= 8 and value > 0") }} as talking_points
    from {{ ref("signal_contributions_by_run") }}
    where run_id = {{ running_run() }}
    group by account_id
),

candidates as (
    select
        scores.run_id,
        scores.account_id,
        rules.play,
        rules.owner_role,
        rules.sla_hours,
        rules.channel,
        rules.reason,
        row_number() over (partition by scores.account_id order by rules.position) as fit_rank
    from scores
    inner join accounts on scores.account_id = accounts.account_id
    inner join examples on scores.account_id = examples.account_id
    inner join {{ ref("routing_rules") }} as rules
        on (rules.account_kind = '*' or rules.account_kind = accounts.kind)
        and scores.grade >= rules.minimum_grade
        and scores.grade <= rules.maximum_grade
        and (rules.minimum_employees is null or examples.company_size__employees >= rules.minimum_employees)
),

final as (
    select
        scores.run_id,
        scores.account_id,
        case when scores.stage in ('excluded', 'expansion_ready') then 'none' else candidates.play end as play,
        coalesce(owners.name, candidates.owner_role) as owner,
        candidates.sla_hours,
        candidates.channel,
        case
            when exclusions.reason is not null then 'Excluded: ' || exclusions.reason
            when scores.cohort = 'customer' then 'Already a customer'
            when scores.cohort = 'open_opportunity' then 'A deal is open'
            else candidates.reason
        end as reason,
        coalesce(talking_points.talking_points, '') as talking_points
    from scores
    inner join accounts on scores.account_id = accounts.account_id
    inner join candidates on scores.account_id = candidates.account_id and candidates.fit_rank = 1
    left join owners on accounts.owner_id = owners.owner_id
    left join exclusions on scores.account_id = exclusions.account_id
    left join talking_points on scores.account_id = talking_points.account_id
)

select * from final
