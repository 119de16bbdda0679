{#- The texts of the rows that meet a condition, in order, joined by a separator; null where none does. -#}
{% macro joined_text(text, separator, order_by, condition) -%}
    string_agg({{ text }}, {{ separator }} order by {{ order_by }}) filter (where {{ condition }})
{%- endmacro %}
