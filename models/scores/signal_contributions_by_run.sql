-- Grain: one row per (run, account, signal): the signal's exact share of the margin. The row `baseline` holds the base value,
-- so a plain sum per account is the margin.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs() }}") }}

{{ contributions_by_signal(source("ml", "feature_contributions")) }}
