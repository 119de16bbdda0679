{#-
    How many sessions a (merged) half-hour mask of one person's day holds: runs of half hours in a row in which something happened.
    One that goes on past midnight is two.
-#}
{% macro sessions_in_mask(mask) -%}
    {{ return(adapter.dispatch("sessions_in_mask")(mask)) }}
{%- endmacro %}

{% macro default__sessions_in_mask(mask) -%}
    cast(bit_count({{ mask }} & ~({{ mask }} << 1)) as integer)
{%- endmacro %}
