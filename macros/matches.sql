{#- Whether a text matches a regular expression anywhere; the expression is data, so it may come from a seed. -#}
{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch("matches")(text, pattern)) }}
{%- endmacro %}

{% macro default__matches(text, pattern) -%}
    regexp_matches({{ text }}, {{ pattern }})
{%- endmacro %}

{% macro postgres__matches(text, pattern) -%}
    ({{ text }} ~ {{ pattern }})
{%- endmacro %}
