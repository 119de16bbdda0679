-- Grain: one row per (run, account, cause): why the score moved since the published run, in points before they are rounded and
-- cut. The parts of an account sum to the whole. How each part is found, and in which order, is in
-- docs/decisions/0016-why-a-score-moved.md.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs() }}") }}

with

contributions as (
    select * from {{ source("ml", "feature_contributions") }}
),

predictions as (
    select * from {{ source("ml", "predictions") }}
),

signals as (
    select * from {{ ref("signals") }}
),

-- Only accounts that both runs scored have moved.
accounts as (
    select
        today.run_id,
        today.account_id,
        before.run_id as previous_run_id,
        before.as_of_date as date_before,
        today.as_of_date as date_today,
        before.model_version = today.model_version as is_same_model
    from predictions as today
    inner join predictions as before on today.account_id = before.account_id and before.run_id = {{ published_run() }}
    where today.run_id = {{ running_run() }}
),

points_before as (
    select account_id, signal, {{ exact_sum("points") }} as points
    from contributions
    where run_id = {{ published_run() }}
    group by account_id, signal
),

points_today as (
    select account_id, signal, {{ exact_sum("points") }} as points
    from contributions
    where run_id = {{ running_run() }}
    group by account_id, signal
),

restated as (
    select account_id, signal, points
    from {{ source("ml", "restated_points") }}
    where run_id = {{ running_run() }}
),

-- Today's facts by the model of the run before.
points_of_same_model as (
    select points_today.*
    from points_today
    inner join accounts on points_today.account_id = accounts.account_id
    where accounts.is_same_model

    union all

    select restated.*
    from restated
    inner join accounts on restated.account_id = accounts.account_id
    where not accounts.is_same_model
),

comparable as (
    select distinct account_id from points_of_same_model
),

changes as (
    select
        coalesce(points_of_same_model.account_id, points_before.account_id) as account_id,
        coalesce(points_of_same_model.signal, points_before.signal) as signal,
        coalesce(points_of_same_model.points, 0) - coalesce(points_before.points, 0) as points
    from (
        select points_before.*
        from points_before
        inner join comparable on points_before.account_id = comparable.account_id
    ) as points_before
    full outer join points_of_same_model
        on points_before.account_id = points_of_same_model.account_id and points_before.signal = points_of_same_model.signal
),

facts as (
    select * from {{ ref("facts_since_published_by_run") }}
),

facts_of_account as (
    select account_id, sum(behaviour) as behaviour, sum(late) as late, sum(identity) as identity
    from facts
    group by account_id
),

-- A signal that is counted from its own events moves by those; a sequence or a metric of the account by all of them.
counted as (
    select
        changes.account_id,
        changes.points,
        signals.category,
        signals.measured_from,
        signals.polarity,
        accounts.date_today > accounts.date_before as time_passed,
        coalesce(case when signals.measured_from = 'events' then facts.behaviour else facts_of_account.behaviour end, 0) as behaviour,
        coalesce(case when signals.measured_from = 'events' then facts.late else facts_of_account.late end, 0) as late,
        coalesce(case when signals.measured_from = 'events' then facts.identity else facts_of_account.identity end, 0) as identity
    from changes
    inner join accounts on changes.account_id = accounts.account_id
    left join signals on changes.signal = signals.signal
    left join facts on changes.account_id = facts.account_id and changes.signal = facts.signal
    left join facts_of_account on changes.account_id = facts_of_account.account_id
),

-- More of a signal never counts against its polarity: where it moved the other way, older events went out of sight.
judged as (
    select
        account_id,
        points,
        behaviour,
        late,
        identity,
        behaviour + late + identity as facts,
        case
            when category = 'fit' then 'enrichment'
            when time_passed and measured_from = 'events' and polarity * points < 0 then 'decay'
            when behaviour + late + identity > 0 then 'facts'
            when time_passed then 'decay'
            else 'late_data'
        end as cause
    from counted
),

parts as (
    select account_id, cause, points from judged where cause <> 'facts'
    union all
    select account_id, 'behaviour', points * behaviour / facts from judged where cause = 'facts' and behaviour > 0
    union all
    select account_id, 'late_data', points * late / facts from judged where cause = 'facts' and late > 0
    union all
    select account_id, 'identity', points * identity / facts from judged where cause = 'facts' and identity > 0
    union all
    -- Of a model that cannot be asked any more nothing is known but the whole.
    select accounts.account_id, 'model', points_today.points
    from accounts
    inner join points_today on accounts.account_id = points_today.account_id
    where not accounts.is_same_model
    union all
    select accounts.account_id, 'model', -points_of_same_model.points
    from accounts
    inner join points_of_same_model on accounts.account_id = points_of_same_model.account_id
    where not accounts.is_same_model
    union all
    select accounts.account_id, 'model', -points_before.points
    from accounts
    inner join points_before on accounts.account_id = points_before.account_id
    left join comparable on accounts.account_id = comparable.account_id
    where comparable.account_id is null
),

summed as (
    select account_id, cause, {{ exact_sum("points") }} as points
    from parts
    group by account_id, cause
),

final as (
    select
        accounts.run_id,
        accounts.account_id,
        accounts.previous_run_id,
        summed.cause,
        summed.points
    from summed
    inner join accounts on summed.account_id = accounts.account_id
    where summed.points <> 0
)

select * from final
