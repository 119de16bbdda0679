-- Grain: one row per identifier ever seen. A blocked one ties nobody to anybody: a word that stands for nothing or a shared
-- mailbox (blocked_identifiers), a malformed address, or what the patterns of identity_rules refuse.

with

observed as (
    select * from {{ ref("observed_identifiers") }} where not is_mentioned
),

rules as (
    select * from {{ ref("identity_rules") }}
),

blocked as (
    select * from {{ ref("blocked_identifiers") }}
),

first_seen as (
    select
        node,
        identifier_type,
        identifier,
        priority,
        min(available_at) as first_seen_at,
        cast(sum(records) as bigint) as records
    from observed
    group by node, identifier_type, identifier, priority
),

judged as (
    select
        first_seen.*,
        case
            when first_seen.identifier like '{{ overlong_prefix() }}%' then 'longer than 512 characters'
            when blocked_words.value is not null then 'a word for nobody'
            when blocked_mailboxes.value is not null then 'a mailbox of many'
            when
                first_seen.identifier_type = 'email'
                and (first_seen.identifier not like '%_@_%' or first_seen.identifier like '%@%@%' or first_seen.identifier like '% %')
                then 'not an address'
            when
                rules.blocked_pattern is not null
                and {{ matches("lower(first_seen.identifier)", "rules.blocked_pattern") }}
                then 'matches the blocked pattern of its type'
            when
                rules.include_pattern is not null
                and not {{ matches("lower(first_seen.identifier)", "rules.include_pattern") }}
                then 'lacks the pattern of its type'
        end as blocked_because
    from first_seen
    inner join rules on first_seen.identifier_type = rules.identifier_type
    left join blocked as blocked_words
        on blocked_words.match = 'equals'
        and blocked_words.identifier_type in ('*', first_seen.identifier_type)
        and lower(first_seen.identifier) = blocked_words.value
    left join blocked as blocked_mailboxes
        on blocked_mailboxes.match = 'mailbox'
        and first_seen.identifier_type = 'email'
        and split_part(lower(first_seen.identifier), '@', 1) = blocked_mailboxes.value
),

final as (
    select
        node,
        identifier_type,
        identifier,
        priority,
        first_seen_at,
        records,
        max(blocked_because) is not null as is_blocked,
        max(blocked_because) as blocked_because
    from judged
    group by node, identifier_type, identifier, priority, first_seen_at, records
)

select * from final
