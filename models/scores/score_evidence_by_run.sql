-- Grain: one row per (run, account, signal, event): the newest events behind each of an account's ten strongest signals,
-- five at most.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs() }}") }}

with

contributions as (
    select * from {{ ref("signal_contributions_by_run") }}
    where run_id = {{ running_run() }} and rank between 1 and 10
),

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

signals as (
    select * from {{ ref("account_signals") }}
),

ranked as (
    select
        contributions.run_id,
        signals.account_id,
        signals.signal,
        signals.event_id,
        coalesce(person_identifiers.person_id, signals.person_id) as person_id,
        signals.occurred_at,
        row_number() over (
            partition by signals.account_id, signals.signal
            order by signals.occurred_at desc, signals.event_id
        ) as recency_rank
    from signals
    cross join scoring
    inner join contributions on signals.account_id = contributions.account_id and signals.signal = contributions.signal
    -- The event was counted for the person as known then; it is shown with the one that it turned out to be.
    left join {{ ref("person_anchors") }} as anchors on signals.person_id = anchors.person_id
    left join {{ ref("person_identifiers") }} as person_identifiers on anchors.node = person_identifiers.node
    where
        signals.occurred_at < scoring.as_of_date
        and signals.available_at < scoring.as_of_date
        and signals.occurred_at >= scoring.as_of_date - 90
),

final as (
    select
        run_id,
        account_id,
        signal,
        event_id,
        person_id,
        occurred_at
    from ranked
    where recency_rank <= 5
)

select * from final
