{#- The host name in a website, an address or a bare domain, lower case; null where there is none. -#}
{% macro host_of(location) -%}
    nullif(
        {{ adapter.dispatch("strip_to_host")("lower(trim(" ~ location ~ "))") }},
        ''
    )
{%- endmacro %}

{% macro default__strip_to_host(location) -%}
    regexp_replace(regexp_replace({{ location }}, '^([a-z][a-z0-9+.-]*://)?([^@/?#]*@)?(www\.)?', ''), '[:/?#].*$', '')
{%- endmacro %}
