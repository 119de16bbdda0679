-- Grain: one row per identifier ever seen. A blocked one ties nobody to anybody: a word that stands for nothing or a shared
-- mailbox (blocked_identifiers), a malformed address, or what a pattern of identity_rules refuses.

with

observations as (
    select * from {{ ref("identity_observations") }}
),

rules as (
    select * from {{ ref("identity_rules") }}
),

blocked as (
    select * from {{ ref("blocked_identifiers") }}
),

seen as (
    {% for type in identifier_types() %}
    select '{{ type }}' as identifier_type, {{ type }} as identifier, available_at, records from observations where {{ type }} is not null
    {{ "union all" if not loop.last }}
    {% endfor %}
),

first_seen as (
    select
        identifier_type,
        identifier,
        min(available_at) as first_seen_at,
        sum(records) as records
    from seen
    group by identifier_type, identifier
),

final as (
    select
        first_seen.identifier_type || ':' || first_seen.identifier as node,
        first_seen.identifier_type,
        first_seen.identifier,
        rules.priority,
        first_seen.first_seen_at,
        first_seen.records,
        blocked_words.value is not null
        or blocked_mailboxes.value is not null
        or (
            first_seen.identifier_type = 'email'
            and (first_seen.identifier not like '%_@_%' or first_seen.identifier like '%@%@%')
        )
        or (
            rules.blocked_pattern is not null
            and {{ matches("lower(first_seen.identifier)", "rules.blocked_pattern") }}
        ) as is_blocked
    from first_seen
    inner join rules on first_seen.identifier_type = rules.identifier_type
    left join blocked as blocked_words
        on first_seen.identifier_type = blocked_words.identifier_type
        and blocked_words.match = 'equals'
        and lower(first_seen.identifier) = blocked_words.value
    left join blocked as blocked_mailboxes
        on first_seen.identifier_type = blocked_mailboxes.identifier_type
        and blocked_mailboxes.match = 'mailbox'
        and split_part(lower(first_seen.identifier), '@', 1) = blocked_mailboxes.value
)

select * from final
