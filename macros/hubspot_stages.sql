{#-
    Rows (stage_id, label, is_closed, is_won): what HubSpot's pipelines say of a deal in a stage. The flags decide; a loader that
    has none leaves the probability, of which HubSpot keeps 0 for lost and 1 for won. Archived stages still hold their deals.
-#}
{% macro hubspot_stages() -%}
    with stages as (
        {{ source_columns("hubspot", "deal_pipeline_stage", [
            ["stage_id", "varchar"], ["label", "varchar"], ["probability", "double"], ["closed_won", "boolean"], ["is_closed", "boolean"],
        ]) }}
    )

    select
        stage_id,
        min(label) as label,
        bool_or(coalesce(is_closed or closed_won, probability in (0, 1))) as is_closed,
        bool_or(coalesce(closed_won, probability = 1)) as is_won
    from stages
    group by stage_id
{%- endmacro %}
