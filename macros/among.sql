{#- Whether a value is one of those that a cell of a seed names with a bar between, or the cell is a star. The cell is data. -#}
{% macro among(value, cell) -%}
    ({{ cell }} = '*' or position('|' || {{ value }} || '|' in '|' || {{ cell }} || '|') > 0)
{%- endmacro %}
