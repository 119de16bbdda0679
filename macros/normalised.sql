{#- An identifier of one of the types that sources have a column for, as `identity_rules` says that it is compared. -#}
{% macro normalised(identifier_type, identifier) -%}
    {{ normalised_identifier(
        identifier,
        "(select identity_rules.normalisation from " ~ ref("identity_rules") ~ " as identity_rules"
        ~ " where identity_rules.identifier_type = '" ~ identifier_type ~ "')"
    ) }}
{%- endmacro %}
