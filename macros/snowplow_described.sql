{#-
    The columns that hold what self-describing Snowplow events say, one for each schema and version: `unstruct_event_…`, as JSON text.
    Found in the warehouse, as a product invents its own; [name, type] for `source_columns`.
-#}
{% macro snowplow_described() -%}
    {%- set relation = source_relation("snowplow", "events") -%}
    {%- set columns = [] -%}
    {%- if relation is not none -%}
        {%- for column in adapter.get_columns_in_relation(relation) | map(attribute="name") | map("lower") | sort -%}
            {%- if column.startswith("unstruct_event_") -%}{%- do columns.append([column, "varchar"]) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- do return(columns) -%}
{%- endmacro %}
