-- Grain: one row per answer of a rep that `pql feedback import` read, or that came by the form of `pql serve`.

with

imported as (
    {{ source_columns("feedback", "dispositions", [
        ["disposition_id", "varchar"], ["account_id", "varchar"], ["disposition", "varchar"], ["reason", "varchar"], ["who", "varchar"],
        ["said_at", "timestamp"], ["imported_at", "timestamp"], ["grade", "varchar"], ["play", "varchar"], ["owner", "varchar"],
    ]) }}
),

received as (
    {{ source_columns("receiver", "events", [
        ["source", "varchar"], ["message_id", "varchar"], ["event_type", "varchar"], ["event_name", "varchar"], ["group_id", "varchar"],
        ["properties", "varchar"], ["received_at", "timestamp"],
    ]) }}
),

unioned as (
    select
        disposition_id,
        'csv' as source,
        account_id as account_given,
        disposition as given,
        reason,
        who,
        said_at,
        greatest(said_at, imported_at) as available_at,
        grade,
        play,
        owner
    from imported

    union all

    select
        md5('form|' || source || '|' || message_id),
        'form',
        group_id,
        event_name,
        {{ json_text("properties", "'reason'") }},
        {{ json_text("properties", "'who'") }},
        received_at,
        received_at,
        null,
        null,
        null
    from received
    where event_type = 'disposition'
),

final as (
    select
        disposition_id,
        source,
        account_given,
        given,
        nullif(trim(reason), '') as reason,
        who,
        said_at,
        available_at,
        grade,
        play,
        owner
    from unioned
)

select * from final
