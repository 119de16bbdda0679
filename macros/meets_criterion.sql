{#- Whether a number or a word meets a line of fit_criteria: one of its words, or inside its range. What is not known meets nothing. -#}
{% macro meets_criterion(criterion, number, word) -%}
    (
        {{ criterion }}.one_of is not null
        and '|' || {{ criterion }}.one_of || '|' like '%|' || {{ word }} || '|%'
    )
    or (
        {{ criterion }}.one_of is null
        and {{ number }} >= coalesce({{ criterion }}."from", {{ number }})
        and ({{ criterion }}.below is null or {{ number }} < {{ criterion }}.below)
    )
{%- endmacro %}
