select cast(unnest(string_split('{{ env_var("BENCHMARK_DATES") }}', ',')) as date) as as_of_date
