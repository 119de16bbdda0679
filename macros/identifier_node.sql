{#-
    The node of the strongest identifier that a fact carries and that stands for somebody; null where it carries none. Types come
    strongest first.
-#}
{% macro identifier_node(types) -%}
    coalesce(
        {%- for type in types %}
        {%- set node = "'" ~ type ~ ":' || " ~ normalised(type, type) %}
        case
            when {{ node }} not in (select identifiers.node from {{ ref("identifiers") }} as identifiers where identifiers.is_blocked)
                then {{ node }}
        end{{ "," if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
