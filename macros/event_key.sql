{#- One text for what `signal_map` takes for one event: its source, its type and its name, whose case does not matter. -#}
{% macro event_key(relation) -%}
    {{ relation }}.source || ':' || {{ relation }}.event_type || ':' || lower({{ relation }}.event_name)
{%- endmacro %}
