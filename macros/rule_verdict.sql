{#- What the points of a preset's rules say of an account; none at all are no points. -#}
{% macro rule_verdict(points, preset) -%}
    case
        when coalesce({{ points }}, 0) >= {{ preset }}.hot_from then 'hot'
        when coalesce({{ points }}, 0) >= {{ preset }}.qualified_from then 'qualified'
        else 'below'
    end
{%- endmacro %}
