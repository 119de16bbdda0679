-- Grain: one row per grade of the published run: how later accounts of that grade went.
{{ config(materialized="view") }}

select
    run_id,
    grade,
    minimum_score,
    rows,
    accounts,
    won_rows,
    win_rate,
    win_rate_low,
    win_rate_high,
    lift
from {{ source("ml", "band_outcomes") }}
where run_id = {{ published_run() }}
