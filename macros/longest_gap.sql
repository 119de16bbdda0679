{#-
    The longest run of days without anything among the last `days` (at most 90) of a (merged) day mask. Of texts of zeros the
    greatest is the longest.
-#}
{% macro longest_gap(mask, days) -%}
    {{ return(adapter.dispatch("longest_gap")(mask, days)) }}
{%- endmacro %}

{% macro default__longest_gap(mask, days) -%}
    cast(length(list_max(string_split(right(lpad(bin({{ mask }}), 90, '0'), {{ days }}), '1'))) as integer)
{%- endmacro %}
