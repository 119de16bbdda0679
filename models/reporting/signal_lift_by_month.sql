-- Grain: one row per (time window, signal, threshold, month) of the published run. The trend is that of all months of its
-- signal and threshold, repeated in each.
{{ config(materialized="view") }}

select
    months.run_id,
    months.time_window,
    months.signal,
    signals.label,
    months.at_least,
    months.cohort_month,
    months.converters,
    months.converters_with,
    months.rest,
    months.rest_with,
    months.rate_converters,
    months.rate_rest,
    months.gap,
    months.gap_low,
    months.gap_high,
    months.adjusted_gap,
    months.trend,
    months.changed_in,
    months.gap_before,
    months.gap_after,
    months.change_p_value,
    months.change_q_value
from {{ source("ml", "signal_lift_by_month") }} as months
left join {{ ref("signals") }} as signals on months.signal = signals.signal
where months.run_id = {{ published_run() }}
