{#- The first of a list in JSON, as text; what is no list stays as it is. -#}
{% macro first_of(value) -%}
    {{ return(adapter.dispatch("first_of")(value)) }}
{%- endmacro %}

{% macro default__first_of(value) -%}
    case when {{ value }} like '[%' then json_extract_string({{ value }}, '$[0]') else {{ value }} end
{%- endmacro %}

{% macro postgres__first_of(value) -%}
    case when {{ value }} like '[%' then cast({{ value }} as jsonb) ->> 0 else {{ value }} end
{%- endmacro %}
