{#- The id of the published run: the one pointer that publishing moves. -#}
{% macro published_run() -%}
    (select pointer.run_id from {{ source("publishing", "pointer") }} as pointer)
{%- endmacro %}
