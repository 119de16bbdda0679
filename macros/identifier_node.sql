{#- The node of the strongest identifier that a fact carries; null where it carries none. -#}
{% macro identifier_node(types) -%}
    coalesce({% for type in types %}'{{ type }}:' || nullif(trim({{ type }}), ''){{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}
