{#-
    The SHA-256 of an identifier as `type:identifier`, in hex: what the warehouse keeps of somebody forgotten.
    warehouse/privacy.py says the same in Python.
-#}
{% macro identifier_hash(node) -%}
    {{ return(adapter.dispatch("identifier_hash")(node)) }}
{%- endmacro %}

{% macro default__identifier_hash(node) -%}
    sha256({{ node }})
{%- endmacro %}

{% macro postgres__identifier_hash(node) -%}
    encode(sha256(convert_to({{ node }}, 'UTF8')), 'hex')
{%- endmacro %}
