{#-
    The as-of date of a model that is materialized `by_as_of_date`: its SQL says what is true at one date, and is run once for
    each. Read by itself, as a unit test does, the model looks at the one date of its input `as_of_dates`.
-#}
{% macro as_of_date() -%}
    (select as_of_dates.as_of_date from {{ ref("as_of_dates") }} as as_of_dates)
{%- endmacro %}
