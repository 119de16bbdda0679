-- Signals as attribution gives them, known before BENCHMARK_UNTIL.
{{ config(materialized='view') }}

select *
from read_parquet('{{ env_var("BENCHMARK_SIGNALS") }}')
where available_at < timestamp '{{ env_var("BENCHMARK_UNTIL") }}'
