{#- An identifier of an organisation as people write it in a seed, as models compare it: domains in small letters. -#}
{% macro organisation_identifier(identifier_type, identifier) -%}
    case when {{ identifier_type }} = 'domain' then lower(trim({{ identifier }})) else trim({{ identifier }}) end
{%- endmacro %}
