-- Grain: one row per rule in use, of the published run: what became of the accounts that it gives points to, beside the others.
{{ config(materialized="view") }}

select
    lift.run_id,
    lift.rule_group,
    lift.signal,
    signals.label,
    lift.metric,
    lift.at_least,
    lift.below,
    lift.one_of,
    lift.points,
    lift.rows_with,
    lift.rows_without,
    lift.accounts_with,
    lift.accounts_without,
    lift.won_accounts_with,
    lift.won_accounts_without,
    lift.rate_with,
    lift.rate_without,
    lift.lift,
    lift.lift_low,
    lift.lift_high,
    lift.learned_points,
    lift.verdict
from {{ source("ml", "rule_lift") }} as lift
left join {{ ref("signals") }} as signals on lift.signal = signals.signal
where lift.run_id = {{ published_run() }}
