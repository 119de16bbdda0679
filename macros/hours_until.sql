{#-
    Hours from one moment to another, with fractions; 0 where the second came first, null where one of them is null (greatest()
    would skip the null and say 0, which is the best that can be, of something that never happened).
-#}
{% macro hours_until(moment, start) -%}
    case when {{ moment }} <= {{ start }} then 0 else {{ hours_between(start, moment) }} end
{%- endmacro %}

{% macro hours_between(start, moment) -%}
    {{ return(adapter.dispatch("hours_between")(start, moment)) }}
{%- endmacro %}

{% macro default__hours_between(start, moment) -%}
    date_diff('microsecond', {{ start }}, {{ moment }}) / 3600000000.0
{%- endmacro %}

{% macro postgres__hours_between(start, moment) -%}
    cast(extract(epoch from {{ moment }} - {{ start }}) as double precision) / 3600
{%- endmacro %}
