-- Grain: one row per (run, customer, signal): the signal's exact share of its expansion margin. The row `baseline` holds the base value,
-- so a plain sum per customer is the margin.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs() }}") }}

{{ contributions_by_signal(source("ml", "expansion_contributions")) }}
