{#- The place of a value among ascending bounds: 1 up to the first bound, 2 up to the second, and so on. -#}
{% macro place_among(value, bounds) -%}
    1
    {%- for bound in bounds %} + case when {{ value }} > {{ bound }} then 1 else 0 end{% endfor %}
{%- endmacro %}
