{#- The staging models that give events, in one place: a new source joins the house here. -#}
{% macro event_models() -%}
    {{ return(["stg_segment__events", "stg_backend__events", "stg_receiver__events"]) }}
{%- endmacro %}
