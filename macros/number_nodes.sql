{# Every distinct text of left_node and right_node with a dense number from 1: the rounds then compare integers. Which node
   gets which number is the engine's choice; no result depends on it. #}
{% macro number_nodes(input) %}
    {% do return(create_working_table('nodes',
        "select
            node,
            cast(" ~ adapter.dispatch('any_row_number')('node') ~ " as " ~ dbt.type_int() ~ ") as number
        from (" ~ distinct_nodes(input) ~ ") as distinct_nodes"
    )) %}
{% endmacro %}


{% macro distinct_nodes(input) -%}
    select left_node as node from {{ input }}
    union
    select right_node as node from {{ input }}
{%- endmacro %}


{# Engines that number rows only in a stated order. #}
{% macro default__any_row_number(order) -%}
    row_number() over (order by {{ order }})
{%- endmacro %}

{# These number rows as they come, which spares a sort. #}
{% macro duckdb__any_row_number(order) -%}
    row_number() over ()
{%- endmacro %}

{% macro postgres__any_row_number(order) -%}
    row_number() over ()
{%- endmacro %}
