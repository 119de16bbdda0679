{#- An id that survives full rebuilds: the hash of the oldest identifier of a component (design section 4). -#}
{% macro stable_id(prefix, identifier) -%}
    '{{ prefix }}_' || substr(md5({{ identifier }}), 1, 16)
{%- endmacro %}
