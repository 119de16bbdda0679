{#-
    Whether a text is a host name below a top level: at least two labels of letters, marks and digits of any script, hyphens
    and underscores; none longer than 63 or with a hyphen at an end, the whole not longer than 253, the top level no number
    (10.0.0.1 is an address of a machine, as in the URL standard).
-#}
{% macro is_host_name(host) -%}
    (
        length({{ host }}) <= 253
        and {{ matches(host, adapter.dispatch("host_pattern")()) }}
        and not {{ matches(host, "'[^.]{64}|(^|\.)-|-(\.|$)|\.([0-9]+|0x[0-9a-f]*)$'") }}
    )
{%- endmacro %}

{% macro default__host_pattern() -%}
    '^[\p{L}\p{M}\p{N}_-]+(\.[\p{L}\p{M}\p{N}_-]+)+$'
{%- endmacro %}

{% macro postgres__host_pattern() -%}
    '^[[:alnum:]_-]+(\.[[:alnum:]_-]+)+$'
{%- endmacro %}
