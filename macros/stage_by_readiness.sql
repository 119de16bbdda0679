{#- The stage of an account that nothing keeps sales away from: how far it has come on its own. -#}
{% macro stage_by_readiness(grade, is_ready, intent_tier) -%}
    case
        when {{ grade }} = 'A' and {{ is_ready }} then 'sales_ready'
        when {{ grade }} in ('A', 'B') then 'pql_ready'
        when {{ intent_tier }} in ('activated', 'high_intent', 'team_adopted') then 'activated'
        else 'exploring'
    end
{%- endmacro %}
