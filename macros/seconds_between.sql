{#- Whole seconds from one moment to a later one. -#}
{% macro seconds_between(start, moment) -%}
    {{ return(adapter.dispatch("seconds_between")(start, moment)) }}
{%- endmacro %}

{% macro default__seconds_between(start, moment) -%}
    date_diff('second', {{ start }}, {{ moment }})
{%- endmacro %}

{% macro postgres__seconds_between(start, moment) -%}
    cast(floor(extract(epoch from {{ moment }} - {{ start }})) as bigint)
{%- endmacro %}
