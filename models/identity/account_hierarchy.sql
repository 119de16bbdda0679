-- Grain: one row per (account, time span with one parent): who stood above the account, as it was known within the span. From the
-- history of CRM accounts and of the user's own tables. A child is never part of its parent; who is above whom may even go
-- round in a circle where the CRM says so (see the test no_account_is_above_itself).

with

versions as (
    select * from {{ ref("crm_account_versions") }} where parent_node is not null and not is_deleted
),

reach as (
    select * from {{ ref("organisation_reach") }}
),

records as (
    select
        children.target as account_id,
        parents.target as parent_account_id,
        versions.crm_account_id is not null as is_of_crm,
        versions.node,
        greatest(versions.available_at, children.available_at, parents.available_at) as available_at,
        coalesce(versions.superseded_at, {{ the_end_of_time() }}) as known_until
    from versions
    inner join reach as children on versions.node = children.node
    inner join reach as parents on versions.parent_node = parents.node
    where children.target <> parents.target
),

spans as (
    select * from records where available_at < known_until
),

moments as (
    select account_id, available_at as moment from spans
    union
    select account_id, known_until from spans
),

periods as (
    select
        account_id,
        moment,
        lead(moment) over (partition by account_id order by moment) as next_moment
    from moments
),

-- Where records disagree, the CRM's word counts before the product's, then the newest.
choices as (
    select
        periods.account_id,
        periods.moment,
        periods.next_moment,
        spans.parent_account_id,
        row_number() over (
            partition by periods.account_id, periods.moment
            order by case when spans.is_of_crm then 1 else 2 end, spans.available_at desc, spans.node, spans.parent_account_id
        ) as choice
    from periods
    inner join spans
        on periods.account_id = spans.account_id
        and periods.moment >= spans.available_at
        and periods.moment < spans.known_until
    where periods.next_moment is not null
),

chosen as (
    select
        *,
        lag(parent_account_id) over (partition by account_id order by moment) as parent_before,
        lag(next_moment) over (partition by account_id order by moment) as known_until_before
    from choices
    where choice = 1
),

-- A span goes on while the parent stays the same without a gap.
numbered as (
    select
        *,
        sum(case when parent_before = parent_account_id and known_until_before = moment then 0 else 1 end) over (
            partition by account_id order by moment
        ) as span_number
    from chosen
),

final as (
    select
        account_id,
        parent_account_id,
        min(moment) as available_at,
        max(next_moment) as known_until
    from numbered
    group by account_id, parent_account_id, span_number
)

select * from final
