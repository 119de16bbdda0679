{#- How many days of the last `window` are set in a (merged) day mask. -#}
{% macro days_in_mask(mask, window) -%}
    {{ return(adapter.dispatch("days_in_mask")(mask, window)) }}
{%- endmacro %}

{% macro default__days_in_mask(mask, window) -%}
    cast(bit_count({{ mask }} & ((cast(1 as hugeint) << {{ window }}) - 1)) as integer)
{%- endmacro %}
