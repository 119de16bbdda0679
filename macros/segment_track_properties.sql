{#-
    (id, properties as JSON text) of every track call. `tracks` carries no properties: Segment and RudderStack write them as
    columns of one table per event, so the tables are found in the warehouse and every column that is not the vendor's own becomes
    a property. A table without `id` is no event's (RudderStack's rudder_discards).
-#}
{% macro segment_track_properties(source_name) -%}
    {%- set segment_tables = ["tracks", "pages", "screens", "identifies", "groups", "aliases", "users", "accounts"] -%}
    {%- set parts = [] -%}
    {%- if source_relation(source_name, "tracks") is not none -%}
        {%- set tracks = source(source_name, "tracks") -%}
        {%- set columns_by_table = {} -%}
        {%- for row in run_query(
            "select table_name, column_name from information_schema.columns where table_schema = '" ~ tracks.schema
            ~ "' order by table_name, ordinal_position"
        ).rows -%}
            {%- if row[0] not in segment_tables -%}
                {%- do columns_by_table.setdefault(row[0], []).append(row[1]) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for table, columns in columns_by_table.items() -%}
            {%- set properties = [] -%}
            {%- for column in columns if column not in segment_columns(source_name) and not column.startswith("context_") -%}
                {%- do properties.append(column) -%}
            {%- endfor -%}
            {%- if properties and "id" in columns -%}
                {%- set relation = tracks.incorporate(path={"identifier": table}) -%}
                {%- do parts.append("select id, " ~ json_object_of(properties) ~ " as properties from " ~ relation) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if parts %}
    {{ parts | join("\n    union all\n    ") }}
    {%- else %}
    select cast(null as varchar) as id, cast(null as varchar) as properties where 1 = 0
    {%- endif -%}
{%- endmacro %}
