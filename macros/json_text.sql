{#- One property of a JSON object as text; the path is data, so it may come from a seed. -#}
{% macro json_text(document, property) -%}
    {{ return(adapter.dispatch("json_text")(document, property)) }}
{%- endmacro %}

{% macro default__json_text(document, property) -%}
    json_extract_string({{ document }}, '$."' || {{ property }} || '"')
{%- endmacro %}

{% macro postgres__json_text(document, property) -%}
    (cast({{ document }} as jsonb) ->> {{ property }})
{%- endmacro %}
