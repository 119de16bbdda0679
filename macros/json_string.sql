{#- A text as a JSON string, quoted and escaped. -#}
{% macro json_string(text) -%}
    {{ return(adapter.dispatch("json_string")(text)) }}
{%- endmacro %}

{% macro default__json_string(text) -%}
    cast(to_json({{ text }}) as varchar)
{%- endmacro %}
