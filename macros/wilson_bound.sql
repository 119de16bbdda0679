{#- A bound of Wilson's 95 % interval of a share (Wilson 1927), as in ml/lift.py: sign -1 is the lower one, 1 the upper; null of nothing. -#}
{% macro wilson_bound(count, of, sign) -%}
    {%- set share = "(cast(" ~ count ~ " as double) / nullif(" ~ of ~ ", 0))" -%}
    least(greatest((
        {{ share }} + 1.920729410347062 / {{ of }}
        + {{ sign }} * 1.959963984540054 * sqrt({{ share }} * (1 - {{ share }}) / {{ of }} + 0.960364705173531 / {{ of }} / {{ of }})
    ) / (1 + 3.841458820694124 / {{ of }}), 0), 1)
{%- endmacro %}
