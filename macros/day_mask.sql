{#-
    A set of days as bits, so that the active days of many rows are counted without a distinct: bit n is set when something
    happened n + 1 days before the as-of date. Ages over 90 days set no bit.
-#}
{% macro day_mask(age) -%}
    {{ return(adapter.dispatch("day_mask")(age)) }}
{%- endmacro %}

{% macro default__day_mask(age) -%}
    bit_or(case when {{ age }} <= 90 then cast(1 as hugeint) << ({{ age }} - 1) else 0 end)
{%- endmacro %}
