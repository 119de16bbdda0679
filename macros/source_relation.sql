{#- The raw table behind a declared source, or none where the source is off or the warehouse does not hold the table. -#}
{% macro source_relation(source_name, table_name, required=false) -%}
    {%- set declared = source(source_name, table_name) -%}
    {%- set switch = var("sources").get(source_name, "auto") | string | lower -%}
    {%- if not execute or switch == "false" -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set found = adapter.get_relation(database=declared.database, schema=declared.schema, identifier=declared.identifier) -%}
    {#- dbt fills its cache of a schema table by table: while one thread does, another does not find what is there. So a table that
        is not found is looked up once more in the warehouse itself; read as absent, its rows would be gone without a word. -#}
    {%- if found is none and declared.identifier in list_relations_without_caching(declared.without_identifier()).columns["name"].values() -%}
        {%- set found = declared -%}
    {%- endif -%}
    {%- if found is none and required and switch == "true" -%}
        {{ exceptions.raise_compiler_error(
            "source " ~ source_name ~ " is switched on in vars.sources, but the warehouse has no table "
            ~ declared ~ ": load it, or set the source to auto or false in dbt_project.yml"
        ) }}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}
