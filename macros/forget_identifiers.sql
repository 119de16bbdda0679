{#-
    A pre-hook of models kept by run: drops the rows that name somebody's identifier after they were forgotten. Everything else
    in this layer is built anew from records that leave them out.
-#}
{% macro forget_identifiers(column) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where {{ identifier_hash(column) }} in (
        select forgotten.identifier_hash from {{ source("privacy", "forgotten_identifiers") }} as forgotten
    )
    {%- endif -%}
{%- endmacro %}
