{#- Two JSON objects as one, as text; where both have a property, it is the second's. Either may be null. -#}
{% macro json_merged(first, second) -%}
    {{ return(adapter.dispatch("json_merged")(first, second)) }}
{%- endmacro %}

{% macro default__json_merged(first, second) -%}
    cast(json_merge_patch(coalesce({{ first }}, '{}'), coalesce({{ second }}, '{}')) as varchar)
{%- endmacro %}

{% macro postgres__json_merged(first, second) -%}
    cast(coalesce(cast({{ first }} as jsonb), '{}') || coalesce(cast({{ second }} as jsonb), '{}') as text)
{%- endmacro %}
