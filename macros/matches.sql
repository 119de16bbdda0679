{#- Whether a text matches a regular expression anywhere; the expression is data, so it may come from a seed. The end of a word is \b, as in
    Python and RE2; PostgreSQL spells it \y. -#}
{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch("matches")(text, pattern)) }}
{%- endmacro %}

{% macro default__matches(text, pattern) -%}
    regexp_matches({{ text }}, {{ pattern }})
{%- endmacro %}

{% macro postgres__matches(text, pattern) -%}
    ({{ text }} ~ replace({{ pattern }}, '\b', '\y'))
{%- endmacro %}
