{#- Which of the four answers a text gives, in any case, with blanks or hyphens for the underscores; null where it gives none. -#}
{% macro disposition_of(column) -%}
    case
        when replace(replace(lower(trim({{ column }})), ' ', '_'), '-', '_') in ('good_lead', 'not_ready', 'not_a_fit', 'wrong_person')
            then replace(replace(lower(trim({{ column }})), ' ', '_'), '-', '_')
    end
{%- endmacro %}
