{#- A folder under models/ is a schema of the same name on every target, so that consumers find `scores.account_scores` everywhere. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
