-- Grain: one row per host name seen in an address or a website, with its registrable domain by the public suffix list
-- (longest rule wins, an exception beats it, an unlisted top level is a suffix of one label), and whether that may be a
-- company's. Nothing here depends on time: a list of today says what a domain always was.

with

observed as (
    select * from {{ ref("observed_hosts") }}
),

numbers as (
    select 1 as n
    {%- for n in range(2, 11) %}
    union all
    select {{ n }}
    {%- endfor %}
),

encoded_labels as (
    select
        observed.host,
        numbers.n,
        split_part(observed.spelling, '.', numbers.n) as label
    from observed
    inner join numbers on numbers.n <= length(observed.spelling) - length(replace(observed.spelling, '.', '')) + 1
    where observed.spelling like '%xn--%'
),

-- A host in xn-- form and the same host in letters are one.
decoded as (
    select
        encoded_labels.host,
        {{ joined_text("coalesce(punycode_labels.spelling, encoded_labels.label)", "'.'", "encoded_labels.n", "true") }} as spelling
    from encoded_labels
    left join {{ ref("punycode_labels") }} as punycode_labels on encoded_labels.label = punycode_labels.label
    group by encoded_labels.host
),

spelled as (
    select
        observed.host,
        coalesce(decoded.spelling, observed.spelling) as spelling
    from observed
    left join decoded on observed.host = decoded.host
),

labelled as (
    select
        host,
        spelling,
        length(spelling) - length(replace(spelling, '.', '')) + 1 as labels
    from spelled
    where {{ is_host_name("spelling") }}
),

candidates as (
    select
        labelled.host,
        labelled.spelling,
        labelled.labels,
        numbers.n,
        {{ last_labels("labelled.spelling", "numbers.n") }} as suffix,
        case when numbers.n > 1 then {{ last_labels("labelled.spelling", "(numbers.n - 1)") }} end as parent_suffix
    from labelled
    inner join numbers on labelled.labels >= numbers.n
),

matched as (
    select
        candidates.host,
        candidates.spelling,
        candidates.labels,
        max(case when exact.kind = 'exception' then candidates.n - 1 end) as exception_labels,
        max(case when exact.kind = 'normal' or wildcard.kind is not null then candidates.n else 1 end) as suffix_labels
    from candidates
    left join {{ source("reference", "public_suffixes") }} as exact
        on candidates.suffix = exact.suffix and exact.kind in ('normal', 'exception')
    left join {{ source("reference", "public_suffixes") }} as wildcard
        on candidates.parent_suffix = wildcard.suffix and wildcard.kind = 'wildcard'
    group by candidates.host, candidates.spelling, candidates.labels
),

registrable as (
    select
        host,
        spelling,
        case
            when labels > coalesce(exception_labels, suffix_labels)
                then {{ last_labels("spelling", "(coalesce(exception_labels, suffix_labels) + 1)") }}
        end as domain
    from matched
),

-- Nobody at a host that sales never works, such as students.*, is a company's.
excluded as (
    select distinct registrable.host
    from registrable
    inner join {{ ref("exclusions") }} as exclusions
        on exclusions.kind = 'domain_pattern' and {{ matches("registrable.spelling", "exclusions.value") }}
),

-- A listed name stands for everything beneath it, so a suffix such as ac.uk stands for every university there. The longest
-- that fits counts, and our own list beats those of the libraries.
named as (
    select candidates.host, candidates.suffix, candidates.n, own.kind, 1 as list_rank
    from candidates
    inner join {{ ref("email_domains") }} as own on candidates.suffix = own.domain

    union all

    select candidates.host, candidates.suffix, candidates.n, library.kind, 2
    from candidates
    inner join {{ source("reference", "mail_domains") }} as library on candidates.suffix = library.domain
),

ranked as (
    select
        *,
        row_number() over (partition by host order by list_rank, n desc) as name_rank
    from named
),

listed as (
    select * from ranked where name_rank = 1
),

domains as (
    select
        registrable.host,
        listed.kind as listed_kind,
        excluded.host is not null as is_excluded,
        -- An underscore may stand in a host beneath a domain, but nobody can register one.
        case
            when position('_' in registrable.domain) > 0 then null
            when listed.kind = 'allow' then coalesce(registrable.domain, listed.suffix)
            else registrable.domain
        end as domain
    from registrable
    left join excluded on registrable.host = excluded.host
    left join listed on registrable.host = listed.host
),

final as (
    select
        observed.host,
        domains.domain,
        case
            when domains.is_excluded then 'excluded'
            when domains.listed_kind <> 'allow' then domains.listed_kind
            when domains.domain is null then 'not a domain'
            else 'corporate'
        end as kind
    from observed
    left join domains on observed.host = domains.host
)

select * from final
