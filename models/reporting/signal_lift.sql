-- Grain: one row per (time window, signal, threshold) of the published run: which actions separate those who converted from the
-- rest. Not a cause: sales may work those who show a signal.
{{ config(materialized="view") }}

select
    lift.run_id,
    lift.time_window,
    lift.signal,
    signals.label,
    lift.at_least,
    lift.first_month,
    lift.last_month,
    lift.converters,
    lift.converters_with,
    lift.rest,
    lift.rest_with,
    lift.undecided,
    lift.rate_converters,
    lift.rate_rest,
    lift.gap,
    lift.gap_low,
    lift.gap_high,
    lift.lift,
    lift.lift_low,
    lift.lift_high,
    lift.adjusted_gap,
    lift.adjusted_gap_low,
    lift.adjusted_gap_high,
    lift.p_value,
    lift.q_value,
    lift.is_discovery = 1 as is_discovery,
    lift.rank,
    lift.threshold_rank
from {{ source("ml", "signal_lift") }} as lift
left join {{ ref("signals") }} as signals on lift.signal = signals.signal
where lift.run_id = {{ published_run() }}
