{#- The staging models that give events, in one place: a new source joins the house here. -#}
{% macro event_models() -%}
    {{ return([
        "stg_segment__events", "stg_rudderstack__events", "stg_amplitude__events", "stg_mixpanel__events", "stg_posthog__events",
        "stg_snowplow__events", "stg_backend__events", "stg_receiver__events",
    ]) }}
{%- endmacro %}
