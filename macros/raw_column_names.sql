{#- The names of a raw table's columns, in small letters; none where the source is off or the warehouse does not hold the table. -#}
{% macro raw_column_names(source_name, table_name) -%}
    {%- set relation = source_relation(source_name, table_name) -%}
    {%- if relation is none -%}
        {{ return([]) }}
    {%- endif -%}
    {{ return(adapter.get_columns_in_relation(relation) | map(attribute="name") | map("lower") | list) }}
{%- endmacro %}
