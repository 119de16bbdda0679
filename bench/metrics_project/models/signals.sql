select
    signal,
    cast(daily_cap as bigint) as daily_cap,
    cast(half_life_days as double) as half_life_days
from read_csv('{{ env_var("BENCHMARK_SEEDS") }}/signals.csv')
where measured_from = 'events'
