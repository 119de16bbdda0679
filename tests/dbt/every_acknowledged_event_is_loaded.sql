-- What the receiver acknowledged in a segment was loaded, set aside with a reason, or there already. A damaged segment stops
-- publishing until somebody accepts what it lost: `pql load --accept-loss SEGMENT`. One whose writer was killed has no end that
-- says how much it acknowledged; all that is intact in it was loaded.
-- depends_on: {{ ref("stg_receiver__events") }}
{{ config(meta={"dagster": {"ref": {"name": "stg_receiver__events"}}}) }}

with

segments as (
    {{ source_columns("receiver", "segments", [
        ["segment", "varchar"], ["acknowledged", "bigint"], ["loaded", "bigint"], ["quarantined", "bigint"],
        ["deduplicated", "bigint"], ["is_sealed", "boolean"], ["damaged_bytes", "bigint"], ["loss_accepted_at", "timestamp"],
    ]) }}
),

final as (
    select segment, acknowledged, loaded, quarantined, deduplicated, damaged_bytes
    from segments
    where
        loss_accepted_at is null
        and (acknowledged <> loaded + quarantined + deduplicated or (is_sealed and (damaged_bytes > 0 or acknowledged is null)))
)

select * from final
