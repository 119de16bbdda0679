{#- Which kind of group is an account: the one that the setting account_group names, or the first of an event's where it is blank. -#}
{% macro group_kind_of(groups) -%}
    {{ return(adapter.dispatch("group_kind_of")(groups)) }}
{%- endmacro %}

{% macro default__group_kind_of(groups) -%}
    coalesce({{ setting("account_group") }}, json_keys({{ groups }})[1])
{%- endmacro %}

{% macro postgres__group_kind_of(groups) -%}
    coalesce({{ setting("account_group") }}, (select min(kind) from jsonb_object_keys(cast({{ groups }} as jsonb)) as kind))
{%- endmacro %}
