{#-
    A sum of doubles that does not depend on the order of the rows: they are added as decimals. Engines add in parallel, and a
    sum of doubles that differs in its last bit makes a new data hash, a new model and a new published run out of no new data.
-#}
{% macro exact_sum(expression, scale=12) -%}
    cast(sum(cast({{ expression }} as decimal(18, {{ scale }}))) as double)
{%- endmacro %}
