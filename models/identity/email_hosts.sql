-- Grain: one row per host name seen in an address or a website, with its registrable domain by the public suffix list
-- (longest rule wins, an exception beats it, an unlisted top level is a suffix of one label).

with

hosts as (
    {% for model in event_models() -%}
    select {{ host_of("email") }} as host from {{ ref(model) }} where email is not null
    union
    {% endfor -%}
    select {{ host_of("email") }} from {{ ref("stg_backend__people") }}
    union
    select {{ host_of("email") }} from {{ ref("stg_salesforce__contacts") }}
    union
    select {{ host_of("email") }} from {{ ref("stg_salesforce__leads") }}
    union
    select website_host from {{ ref("stg_salesforce__accounts") }}
    union
    select website_host from {{ ref("stg_backend__accounts") }}
    {%- for model in ["stg_salesforce__accounts", "stg_backend__accounts"] %}
    union
    select verified_host from {{ ref(model) }}
    union
    select sso_host from {{ ref(model) }}
    {%- endfor %}
    union
    select host from {{ ref("stg_enrichment__companies") }}
    union
    select company_host from {{ ref("stg_enrichment__people") }}
    union
    select host from {{ ref("stg_backend__opportunities") }}
    union
    {%- for trait in ["domain", "verified_domain", "sso_domain"] %}
    select {{ host_of(json_text("properties", "'" ~ trait ~ "'")) }} from {{ ref("stg_segment__events") }} where event_type = 'group'
    {{ "union" if not loop.last }}
    {%- endfor %}
    union
    select substr(group_id, 8) from {{ ref("stg_backend__events") }} where group_id like 'domain:%'
),

labelled as (
    select
        host,
        length(host) - length(replace(host, '.', '')) + 1 as labels
    from hosts
    where host like '%_._%'
),

numbers as (
    select 1 as n
    {%- for n in range(2, 11) %}
    union all
    select {{ n }}
    {%- endfor %}
),

candidates as (
    select
        labelled.host,
        labelled.labels,
        numbers.n,
        {{ last_labels("labelled.host", "numbers.n") }} as suffix,
        case when numbers.n > 1 then {{ last_labels("labelled.host", "(numbers.n - 1)") }} end as parent_suffix
    from labelled
    inner join numbers on labelled.labels >= numbers.n
),

matched as (
    select
        candidates.host,
        candidates.labels,
        max(case when exact.kind = 'exception' then candidates.n - 1 end) as exception_labels,
        max(case when exact.kind = 'normal' or wildcard.kind is not null then candidates.n else 1 end) as suffix_labels
    from candidates
    left join {{ source("reference", "public_suffixes") }} as exact
        on candidates.suffix = exact.suffix and exact.kind in ('normal', 'exception')
    left join {{ source("reference", "public_suffixes") }} as wildcard
        on candidates.parent_suffix = wildcard.suffix and wildcard.kind = 'wildcard'
    group by candidates.host, candidates.labels
),

registrable as (
    select
        host,
        case
            when labels > coalesce(exception_labels, suffix_labels)
                then {{ last_labels("host", "(coalesce(exception_labels, suffix_labels) + 1)") }}
        end as domain
    from matched
),

-- Nobody at a host that sales never works, such as students.*, is a company's.
excluded as (
    select distinct registrable.host
    from registrable
    inner join {{ ref("exclusions") }} as exclusions
        on exclusions.kind = 'domain_pattern' and {{ matches("registrable.host", "exclusions.value") }}
),

final as (
    select
        registrable.host,
        registrable.domain,
        case
            when excluded.host is not null then 'excluded'
            when listed.kind = 'allow' then 'corporate'
            when listed.kind is not null then listed.kind
            when disposable.domain is not null then 'disposable'
            when registrable.domain is null then 'not a domain'
            else 'corporate'
        end as kind
    from registrable
    left join excluded on registrable.host = excluded.host
    left join {{ ref("email_domains") }} as listed on registrable.domain = listed.domain
    left join {{ source("reference", "disposable_domains") }} as disposable on registrable.domain = disposable.domain
)

select * from final
