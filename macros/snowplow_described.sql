{#-
    The columns that hold what self-describing Snowplow events say, one for each schema and version: `unstruct_event_…`, as JSON text.
    Found in the warehouse, as a product invents its own; [name, type] for `source_columns`.
-#}
{% macro snowplow_described() -%}
    {%- set columns = [] -%}
    {%- for column in raw_column_names("snowplow", "events") | sort if column.startswith("unstruct_event_") -%}
        {%- do columns.append([column, "varchar"]) -%}
    {%- endfor -%}
    {%- do return(columns) -%}
{%- endmacro %}
