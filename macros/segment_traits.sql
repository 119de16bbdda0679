{#-
    The traits of an identify call that are not Segment's own columns, as [name, type] for `source_columns`: whatever the user's
    product sends (a phone, a customer number), found in the warehouse. Traits already named are left out.
-#}
{% macro segment_traits(table_name, named) -%}
    {%- set segment_columns = ["id", "anonymous_id", "user_id", "received_at", "sent_at", "timestamp", "original_timestamp", "uuid", "uuid_ts", "loaded_at"] -%}
    {%- set relation = source_relation("segment", table_name) -%}
    {%- set traits = [] -%}
    {%- if relation is not none -%}
        {%- for column in adapter.get_columns_in_relation(relation) | map(attribute="name") | map("lower") | sort -%}
            {%- if column not in segment_columns + named and not column.startswith("context_") -%}
                {%- do traits.append([column, "varchar"]) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- do return(traits) -%}
{%- endmacro %}
