{#-
    The rows of every CRM, in place of one staging model: accounts, contacts, opportunities, opportunity_changes, owners,
    activities or dispositions. A new CRM joins the house here, with staging models of the same columns as the others. Ids of
    Salesforce stand as they are, those of any other CRM begin with its name and a colon, so that none are alike.

    with_system: whether a first column `crm` names the CRM.
-#}
{% macro crm_records(object, with_system=false) -%}
    (
        {%- for system in ["salesforce", "hubspot"] %}
        select {{ "'" ~ system ~ "' as crm, " if with_system }}* from {{ ref("stg_" ~ system ~ "__" ~ object) }}
        {{- " union all" if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
