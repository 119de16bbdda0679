{#- The host name in an address; null where the text has no @, so that a bare `first.last` is not taken for a domain. -#}
{% macro mail_host_of(address) -%}
    case when {{ address }} like '%@%' then {{ host_of(address) }} end
{%- endmacro %}
