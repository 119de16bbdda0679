-- Grain: one row per HubSpot record that a merge did away with, and the one that stays, also after several merges. Fivetran leaves the
-- merged record where it was, often not marked as deleted; read as it is, it would count twice.

with recursive

contact_audits as (
    {{ source_columns("hubspot", "contact_merge_audit", [
        ["merged_id", "varchar", "vid_to_merge"], ["kept_id", "varchar", "canonical_vid"],
    ]) }}
),

deal_audits as (
    {{ source_columns("hubspot", "merged_deal", [
        ["merged_id", "varchar", "merged_deal_id"], ["kept_id", "varchar", "deal_id"],
    ]) }}
),

{% for record, id in [["company", "id"], ["contact", "id"], ["deal", "deal_id"]] -%}
{{ record }}_records as (
    {{ source_columns("hubspot", record, [
        ["id", "varchar", id], ["property_hs_merged_object_ids", "varchar"], ["property_hs_calculated_merged_vids", "varchar"],
    ]) }}
),

{% endfor -%}
audited as (
    select 'contact' as record_type, merged_id, kept_id from contact_audits
    union all
    select 'deal', merged_id, kept_id from deal_audits
),

-- "1;2" or, with the moment of each merge, "1:1554139967000;2:1554139968000".
listed as (
    {% for record in ["company", "contact", "deal"] -%}
    {% for column in ["property_hs_merged_object_ids", "property_hs_calculated_merged_vids"] -%}
    select
        '{{ record }}' as record_type,
        split_part(trim(unnest(string_split({{ column }}, ';'))), ':', 1) as merged_id,
        id as kept_id
    from {{ record }}_records
    {% if not loop.last %}
    union all

    {% endif -%}
    {% endfor -%}
    {% if not loop.last %}
    union all

    {% endif -%}
    {% endfor %}
),

merged_records as (
    select record_type, merged_id, kept_id from audited where merged_id <> kept_id
    union
    select record_type, merged_id, kept_id from listed where merged_id <> kept_id and merged_id <> ''
),

reached as (
    select record_type, merged_id, kept_id from merged_records

    union

    select
        reached.record_type,
        reached.merged_id,
        merged_records.kept_id
    from reached
    inner join merged_records on reached.record_type = merged_records.record_type and reached.kept_id = merged_records.merged_id
),

final as (
    select
        reached.record_type,
        reached.merged_id,
        min(reached.kept_id) as kept_id
    from reached
    left join merged_records on reached.record_type = merged_records.record_type and reached.kept_id = merged_records.merged_id
    where merged_records.merged_id is null
    group by reached.record_type, reached.merged_id
)

select * from final
