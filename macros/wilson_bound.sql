{#- A bound of Wilson's 95 % interval of a share (Wilson 1927): sign -1 is the lower one, 1 the upper; null of nothing. -#}
{% macro wilson_bound(count, of, sign) -%}
    {%- set share = "(cast(" ~ count ~ " as double) / nullif(" ~ of ~ ", 0))" -%}
    (
        ({{ share }} + 1.920729 / {{ of }})
        + {{ sign }} * 1.959964 * sqrt({{ share }} * (1 - {{ share }}) / {{ of }} + 0.960365 / {{ of }} / {{ of }})
    ) / (1 + 3.841459 / {{ of }})
{%- endmacro %}
