{#- The id of the group that is an account, in a JSON object of kinds of groups and their ids. A list of ids gives its first. -#}
{% macro group_of(groups) -%}
    {{ first_of(json_text(groups, group_kind_of(groups))) }}
{%- endmacro %}
