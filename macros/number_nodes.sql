{# Every distinct text of left_node and right_node with a dense number from 1: the rounds then compare integers. Which node
   gets which number is the engine's choice; no result depends on it. #}
{% macro number_nodes(input) %}
    {% set nodes = create_working_table('nodes',
        "with ends as (
            select left_node as node from " ~ input ~ "
            union all
            select right_node as node from " ~ input ~ "
        ),

        distinct_nodes as (
            select distinct node from ends
        )

        select
            node,
            cast(" ~ adapter.dispatch('any_row_number')('node') ~ " as " ~ dbt.type_int() ~ ") as number
        from distinct_nodes"
    ) %}
    {% do return(nodes) %}
{% endmacro %}

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
