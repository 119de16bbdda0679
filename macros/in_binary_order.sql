{# A text that compares byte by byte, whatever collation the database or the session prefers. #}
{% macro in_binary_order(expression) %}
    {{ return(adapter.dispatch('in_binary_order')(expression)) }}
{% endmacro %}

{% macro default__in_binary_order(expression) %}
    {{ return(expression) }}
{% endmacro %}

{% macro duckdb__in_binary_order(expression) %}
    {{ return(expression ~ ' collate "C"') }}
{% endmacro %}

{% macro postgres__in_binary_order(expression) %}
    {{ return(expression ~ ' collate "C"') }}
{% endmacro %}
