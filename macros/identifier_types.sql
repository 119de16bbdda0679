{#- The identifier columns of `identity_observations`; `identity_rules` gives each its priority and limit. -#}
{% macro identifier_types() -%}
    {{ return(["user_id", "email", "crm_contact_id", "crm_lead_id", "anonymous_id"]) }}
{%- endmacro %}
