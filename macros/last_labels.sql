{#- The last `count` labels of a host name: last_labels('a.b.co.uk', 2) = 'co.uk'. -#}
{% macro last_labels(host, count) -%}
    {{ return(adapter.dispatch("last_labels")(host, count)) }}
{%- endmacro %}

{% macro default__last_labels(host, count) -%}
    array_to_string(list_slice(string_split({{ host }}, '.'), -cast({{ count }} as integer), -1), '.')
{%- endmacro %}

{% macro postgres__last_labels(host, count) -%}
    substring({{ host }} from '((?:[^.]*\.){' || ({{ count }} - 1) || '}[^.]*)$')
{%- endmacro %}
