{#- From when a span reaches that has no first moment. -#}
{% macro the_beginning_of_time() -%}
    cast('0001-01-01' as timestamp)
{%- endmacro %}
