{#- The claims that may join two owners: decisions, and what CRMs say of their own records. Nothing else may. -#}
{% macro owner_joining_rules() -%}
    ('override', 'crm_merge', 'crm_sync')
{%- endmacro %}
