{#- Milliseconds since 1970, as a number or as text, as a moment (UTC). Null where it is no number. -#}
{% macro moment_of_milliseconds(milliseconds) -%}
    {{ return(adapter.dispatch("moment_of_milliseconds")(milliseconds)) }}
{%- endmacro %}

{% macro default__moment_of_milliseconds(milliseconds) -%}
    make_timestamp(cast({{ number_or_null(milliseconds) }} * 1000 as bigint))
{%- endmacro %}

{% macro postgres__moment_of_milliseconds(milliseconds) -%}
    (to_timestamp({{ number_or_null(milliseconds) }} / 1000) at time zone 'UTC')
{%- endmacro %}
