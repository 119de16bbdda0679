{#- A JSON object, as text, of the named columns. -#}
{% macro json_object_of(columns) -%}
    {{ return(adapter.dispatch("json_object_of")(columns)) }}
{%- endmacro %}

{% macro default__json_object_of(columns) -%}
    cast(json_object({% for column in columns %}'{{ column }}', {{ adapter.quote(column) }}{{ ", " if not loop.last }}{% endfor %}) as varchar)
{%- endmacro %}

{% macro postgres__json_object_of(columns) -%}
    cast(jsonb_build_object({% for column in columns %}'{{ column }}', {{ adapter.quote(column) }}{{ ", " if not loop.last }}{% endfor %}) as text)
{%- endmacro %}
