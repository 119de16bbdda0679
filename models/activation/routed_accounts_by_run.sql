-- Grain: one row per account of the run under way: where it stands in the matrix of seeds/routing_rules.csv, and the first row that
-- fits. Not here: who carries it out, and whether sales has to keep away; that is in `plays`.

with

scores as (
    select * from {{ ref("account_score_history") }} where run_id = {{ running_run() }}
),

expansion as (
    select * from {{ ref("expansion_score_history") }} where run_id = {{ running_run() }}
),

accounts as (
    select * from {{ ref("accounts") }}
),

examples as (
    select * from {{ ref("scoring_examples") }}
),

cohort as (
    select * from {{ ref("account_cohort") }} where is_scoring
),

crm_owners as (
    select * from {{ crm_records("owners") }} as owners where is_active
),

rules as (
    select * from {{ ref("routing_rules") }}
),

standing as (
    select
        scores.run_id,
        scores.account_id,
        -- What it is routed for decides who comes first: a customer is not asked to become one.
        case when scores.stage = 'expansion_ready' then expansion.score else scores.score end as score,
        scores.grade,
        accounts.kind as account_kind,
        examples.company_size__employees as employees,
        examples.country__name as country,
        scores.fit_tier as fit,
        scores.intent_tier as intent,
        -- Where an account is kept away by its stage alone, routing looks at what the stage would be without that.
        case
            when scores.stage <> 'excluded' then scores.stage
            else {{ stage_by_readiness("scores.grade", "scores.is_ready", "scores.intent_tier") }}
        end as readiness,
        case
            when cohort.is_customer then 'customer'
            when crm_owners.owner_id is not null then 'owned'
            else 'unowned'
        end as ownership,
        crm_owners.name as crm_owner,
        crm_owners.email as crm_owner_email
    from scores
    inner join accounts on scores.account_id = accounts.account_id
    inner join examples on scores.account_id = examples.account_id
    inner join cohort on scores.account_id = cohort.account_id
    left join expansion on scores.account_id = expansion.account_id
    left join crm_owners on accounts.owner_id = crm_owners.owner_id
),

-- What somebody decided by hand, until the day it expires. An account is named by its id or its domain.
overrides as (
    select
        accounts.account_id,
        overrides.play,
        overrides.owner,
        'By hand, ' || overrides.who || ': ' || overrides.reason as reason
    from {{ ref("play_overrides") }} as overrides
    inner join accounts on overrides.account = accounts.account_id or lower(overrides.account) = lower(accounts.domain)
    cross join {{ ref("as_of_dates") }} as scoring
    where scoring.is_scoring and scoring.as_of_date < cast(overrides.expires_on as date)
),

first_rules as (
    select play, min(position) as position from rules group by play
),

fitting as (
    select
        standing.account_id,
        min(case when {{ among("standing.readiness", "rules.readiness") }} then rules.position end) as position,
        -- What the account would get if it were qualified: the play of those that are drawn to explore low bands.
        min(case when {{ among("'pql_ready'", "rules.readiness") }} then rules.position end) as position_if_qualified
    from standing
    inner join rules
        on {{ among("standing.account_kind", "rules.account_kind") }}
        and {{ among("standing.fit", "rules.fit") }}
        and {{ among("standing.intent", "rules.intent") }}
        and {{ among("standing.ownership", "rules.ownership") }}
        and (rules.minimum_employees is null or coalesce(standing.employees >= rules.minimum_employees, false))
        and (rules.maximum_employees is null or coalesce(standing.employees <= rules.maximum_employees, false))
    group by standing.account_id
),

final as (
    select
        standing.run_id,
        standing.account_id,
        standing.score,
        standing.grade,
        standing.account_kind,
        standing.employees,
        standing.country,
        standing.fit,
        standing.intent,
        standing.readiness,
        standing.ownership,
        standing.crm_owner,
        standing.crm_owner_email,
        coalesce(first_rules.position, fitting.position) as position,
        fitting.position_if_qualified,
        overrides.play as override_play,
        overrides.owner as override_owner,
        overrides.reason as override_reason
    from standing
    inner join fitting on standing.account_id = fitting.account_id
    left join overrides on standing.account_id = overrides.account_id
    left join first_rules on overrides.play = first_rules.play
)

select * from final
