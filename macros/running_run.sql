{#- The id of the run under way, read from the warehouse: as a dbt variable it would make dbt parse the project anew each run. -#}
{% macro running_run() -%}
    (select runs.run_id from {{ source("publishing", "runs") }} as runs where runs.status = 'running')
{%- endmacro %}
