{#-
    Rows (merged_id, kept_id): the HubSpot records that merges did away with, and the one that stays, also after several merges.
    Fivetran leaves the merged record where it was, often not marked as deleted; read as it is, it would count twice.

    object: contact, company or deal.
-#}
{% macro hubspot_merges(object) -%}
    with recursive

    audited as (
        {% if object == "contact" -%}
        {{ source_columns("hubspot", "contact_merge_audit", [["merged_id", "varchar", "vid_to_merge"], ["kept_id", "varchar", "canonical_vid"]]) }}
        {%- elif object == "deal" -%}
        {{ source_columns("hubspot", "merged_deal", [["merged_id", "varchar", "merged_deal_id"], ["kept_id", "varchar", "deal_id"]]) }}
        {%- else -%}
        select cast(null as varchar) as merged_id, cast(null as varchar) as kept_id where 1 = 0
        {%- endif %}
    ),

    listing as (
        {{ source_columns("hubspot", object, [
            ["id", "varchar", "deal_id" if object == "deal" else "id"],
            ["property_hs_merged_object_ids", "varchar"], ["property_hs_calculated_merged_vids", "varchar"],
        ]) }}
    ),

    -- "1;2" or, with the moment of each merge, "1:1554139967000;2:1554139968000".
    listed as (
        select split_part(trim(unnest(string_split(property_hs_merged_object_ids, ';'))), ':', 1) as merged_id, id as kept_id
        from listing

        union all

        select split_part(trim(unnest(string_split(property_hs_calculated_merged_vids, ';'))), ':', 1), id
        from listing
    ),

    merges as (
        select merged_id, kept_id from audited where merged_id <> kept_id
        union
        select merged_id, kept_id from listed where merged_id <> kept_id and merged_id <> ''
    ),

    reached as (
        select merged_id, kept_id from merges

        union

        select reached.merged_id, merges.kept_id
        from reached
        inner join merges on reached.kept_id = merges.merged_id
    )

    select reached.merged_id, min(reached.kept_id) as kept_id
    from reached
    left join merges on reached.kept_id = merges.merged_id
    where merges.merged_id is null
    group by reached.merged_id
{%- endmacro %}
