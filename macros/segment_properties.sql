{#-
    The columns of a Segment-shaped table that are not Segment's own, as [name, type] for `source_columns`: whatever the user's
    product sends (a phone, a customer number), found in the warehouse. Columns already named are left out.
-#}
{% macro segment_properties(source_name, table_name, named) -%}
    {%- set properties = [] -%}
    {%- for column in raw_column_names(source_name, table_name) | sort -%}
        {%- if column not in segment_columns(source_name) + named and not column.startswith("context_") -%}
            {%- do properties.append([column, "varchar"]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(properties) -%}
{%- endmacro %}
