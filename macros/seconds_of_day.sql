{#- Seconds from midnight to a time of the day that a seed writes as 09:30. -#}
{% macro seconds_of_day(time) -%}
    (3600 * cast(substr({{ time }}, 1, 2) as integer) + 60 * cast(substr({{ time }}, 4, 2) as integer))
{%- endmacro %}
