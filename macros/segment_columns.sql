{#- The columns that Segment's warehouse schema, or RudderStack's, has by itself; the others are what the user's product sends. -#}
{% macro segment_columns(source_name) -%}
    {{ return([
        "id", "anonymous_id", "user_id", "event", "event_text", "received_at", "sent_at", "timestamp", "original_timestamp",
        "uuid", "uuid_ts", "loaded_at",
    ] + (["channel"] if source_name == "rudderstack" else [])) }}
{%- endmacro %}
