{#- Until when a tie holds that nothing has ended. -#}
{% macro the_end_of_time() -%}
    cast('9999-12-31' as timestamp)
{%- endmacro %}
