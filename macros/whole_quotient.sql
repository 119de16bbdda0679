{#- How often one whole number goes into another, without the rest. -#}
{% macro whole_quotient(number, divisor) -%}
    cast(floor(({{ number }}) / ({{ divisor }})) as bigint)
{%- endmacro %}
