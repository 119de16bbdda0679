{#- A week's events against the mean of the three weeks before it, as a difference of logarithms: 0 is steady, ln 2 twice as many. -#}
{% macro weekly_trend(week, three_weeks_before) -%}
    ln(1 + {{ week }}) - ln(1 + ({{ three_weeks_before }}) / 3.0)
{%- endmacro %}
