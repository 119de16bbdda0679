{#-
    Whether an identifier, as `type:identifier`, is somebody's who asked to be forgotten. Nothing is hashed while nobody has.
-#}
{% macro is_forgotten(node) -%}
    (
        exists (select 1 from {{ source("privacy", "forgotten_identifiers") }})
        and {{ identifier_hash(node) }} in (
            select forgotten.identifier_hash from {{ source("privacy", "forgotten_identifiers") }} as forgotten
        )
    )
{%- endmacro %}
