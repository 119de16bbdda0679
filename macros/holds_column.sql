{#- Whether the model is there already with such a column: an incremental model that reads its own rows of before may not find it, in a
    new warehouse or in one that an earlier release wrote. -#}
{% macro holds_column(column) -%}
    {%- set relation = adapter.get_relation(this.database, this.schema, this.identifier) if execute else none -%}
    {{ return(relation is not none and column in (adapter.get_columns_in_relation(relation) | map(attribute="name") | list)) }}
{%- endmacro %}
