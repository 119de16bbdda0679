{#-
    What rows are grouped and joined by in place of a text id, where that is faster: on DuckDB a hash of 64 bits, as many as an
    id of ours holds itself. Grouping by three texts takes 1.7 times as long (docs/benchmarks.md).
-#}
{% macro grouping_key(id) -%}
    {{ return(adapter.dispatch("grouping_key")(id)) }}
{%- endmacro %}

{% macro default__grouping_key(id) -%}
    {{ id }}
{%- endmacro %}

{% macro duckdb__grouping_key(id) -%}
    hash({{ id }})
{%- endmacro %}
