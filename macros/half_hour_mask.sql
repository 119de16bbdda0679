{#-
    A set of half hours of one day (UTC) as bits, so that sessions of any as-of date are counted from aggregated rows: bit n is
    set when something happened in the half hour that begins n half hours after midnight.
-#}
{% macro half_hour_mask(moment) -%}
    {{ return(adapter.dispatch("half_hour_mask")(moment)) }}
{%- endmacro %}

{% macro default__half_hour_mask(moment) -%}
    bit_or(cast(1 as bigint) << cast(extract(hour from {{ moment }}) * 2 + extract(minute from {{ moment }}) // 30 as integer))
{%- endmacro %}
