{#- A text as a number; null where it is none. -#}
{% macro number_or_null(text) -%}
    {{ return(adapter.dispatch("number_or_null")(text)) }}
{%- endmacro %}

{% macro default__number_or_null(text) -%}
    try_cast({{ text }} as double)
{%- endmacro %}

{% macro postgres__number_or_null(text) -%}
    case when {{ text }} ~ '^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$' then cast({{ text }} as double precision) end
{%- endmacro %}
