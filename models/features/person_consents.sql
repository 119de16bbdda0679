-- Grain: one row per person who said that they want no more messages, and since when that could be known: a CRM contact that opted
-- out, or a signal with the role unsubscribe. Somebody who never said anything is not here.

with

opted_out as (
    select
        person_identifiers.person_id,
        greatest(contacts.opted_out_available_at, person_identifiers.available_at) as available_at
    from {{ crm_records("contacts") }} as contacts
    inner join {{ ref("person_identifiers") }} as person_identifiers on 'email:' || contacts.email = person_identifiers.node
    where contacts.opted_out_available_at is not null

    union all

    -- The signal was counted for the person as known then; consent is that of the one it turned out to be.
    select
        coalesce(person_identifiers.person_id, signals.person_id),
        greatest(signals.available_at, coalesce(person_identifiers.available_at, signals.available_at))
    from {{ ref("account_signals") }} as signals
    inner join {{ ref("signal_roles") }} as roles on signals.signal = roles.signal and roles.role = 'unsubscribe'
    left join {{ ref("person_anchors") }} as anchors on signals.person_id = anchors.person_id
    left join {{ ref("person_identifiers") }} as person_identifiers on anchors.node = person_identifiers.node
    where signals.person_id is not null
),

final as (
    select person_id, min(available_at) as opted_out_at
    from opted_out
    group by person_id
)

select * from final
