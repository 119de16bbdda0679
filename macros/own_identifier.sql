{#-
    The value of an identifier type of the user's own in an event's properties: what up to three properties hold, joined; null
    unless all that `identity_rules.properties` names are there.
-#}
{% macro own_identifier(properties, names) -%}
    {%- set parts = [] -%}
    {%- for position in (1, 2, 3) -%}
        {%- do parts.append("nullif(trim(" ~ json_text(properties, "split_part(" ~ names ~ ", ' ', " ~ position ~ ")") ~ "), '')") -%}
    {%- endfor -%}
    {{ parts[0] }}
    || case when split_part({{ names }}, ' ', 2) = '' then '' else '|' || {{ parts[1] }} end
    || case when split_part({{ names }}, ' ', 3) = '' then '' else '|' || {{ parts[2] }} end
{%- endmacro %}
