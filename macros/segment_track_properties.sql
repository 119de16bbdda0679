{#-
    (id, properties as JSON text) of every track call. `tracks` carries no properties: Segment writes them as columns of one
    table per event, so the tables are found in the warehouse and every column that is not Segment's own becomes a property.
-#}
{% macro segment_track_properties() -%}
    {%- set segment_tables = ["tracks", "pages", "screens", "identifies", "groups", "aliases", "users", "accounts"] -%}
    {%- set segment_columns = ["id", "anonymous_id", "user_id", "event", "event_text", "received_at", "sent_at", "timestamp", "original_timestamp", "uuid", "uuid_ts", "loaded_at"] -%}
    {%- set parts = [] -%}
    {%- if source_relation("segment", "tracks") is not none -%}
        {%- set tracks = source("segment", "tracks") -%}
        {%- set columns_by_table = {} -%}
        {%- for row in run_query(
            "select table_name, column_name from information_schema.columns where table_schema = '" ~ tracks.schema
            ~ "' order by table_name, ordinal_position"
        ).rows -%}
            {%- if row[0] not in segment_tables and row[1] not in segment_columns and not row[1].startswith("context_") -%}
                {%- do columns_by_table.setdefault(row[0], []).append(row[1]) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for table, columns in columns_by_table.items() -%}
            {%- set relation = tracks.incorporate(path={"identifier": table}) -%}
            {%- do parts.append("select id, " ~ json_object_of(columns) ~ " as properties from " ~ relation) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if parts %}
    {{ parts | join("\n    union all\n    ") }}
    {%- else %}
    select cast(null as varchar) as id, cast(null as varchar) as properties where 1 = 0
    {%- endif -%}
{%- endmacro %}
