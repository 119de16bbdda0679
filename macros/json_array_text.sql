{#- A JSON array, as text, of {"signal": ..., "points": ...} for the rows that meet a condition, in order. -#}
{% macro json_array_text(signal, points, order_by, condition) -%}
    '[' || string_agg('{"signal": "' || {{ signal }} || '", "points": ' || round({{ points }}, 1) || '}', ', ' order by {{ order_by }}) filter (where {{ condition }}) || ']'
{%- endmacro %}
