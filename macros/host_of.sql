{#-
    The host name in a website, an address or a bare domain, lower case; null where there is none. What follows a trailing
    dot, a port or a path is cut; a leading www. goes where a whole domain is left (www.ck is a domain itself). Text that
    is no host, such as what stands between two @, is kept: `email_hosts` says that it is none.
-#}
{% macro host_of(location) -%}
    nullif(
        {{ adapter.dispatch("strip_to_host")("lower(" ~ location ~ ")") }},
        ''
    )
{%- endmacro %}

{# A dot matches no line break on some engines, hence the (.|\n). #}
{% macro default__strip_to_host(location) -%}
    regexp_replace(
        regexp_replace(
            regexp_replace({{ location }}, '^\s*([a-z][a-z0-9+.-]*://)?([^@/?#]*@)?', ''),
            '(\.?[:/?#](.|\n)*|\.?\s+)$|\.$', ''
        ),
        '^www\.([^.]+\..+)$', '\1'
    )
{%- endmacro %}
