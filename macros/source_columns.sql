{#-
    The rows of a raw table under the columns we ask for, whatever the warehouse holds: vendors create a table, or a
    column, only with its first value. A missing column reads as a typed null, a missing table as no rows. A source set to
    `true` in `vars.sources` must be there; set to `false` it is never read.

    columns: list of [name, type], or [name, type, raw names] where the raw column has another name: of several the first that is there.
-#}
{% macro source_columns(source_name, table_name, columns, required=false) -%}
    {%- set relation = source_relation(source_name, table_name, required) -%}
    {%- if relation is none %}
    select
        {%- for column in columns %}
        cast(null as {{ column[1] }}) as {{ column[0] }}{{ "," if not loop.last }}
        {%- endfor %}
    where 1 = 0
    {%- else %}
    {%- set present = adapter.get_columns_in_relation(relation) | map(attribute="name") | map("lower") | list %}
    select
        {%- for column in columns %}
        {%- set raw_names = column[2] if column | length > 2 else column[0] %}
        {%- set raw_name = ([raw_names] if raw_names is string else raw_names) | select("in", present) | first %}
        cast({{ adapter.quote(raw_name) if raw_name else "null" }} as {{ column[1] }}) as {{ column[0] }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    {%- endif -%}
{%- endmacro %}
