{#-
    Which account a fact belongs to, and since when that could be known. `facts` is a CTE with (fact_id, node,
    organisation_node, available_at): node is the identifier of the person, organisation_node a workspace, a CRM account or a
    domain that the fact names itself, either may be null.

    1. A fact that names its organisation belongs to it.
    2. Otherwise to the company that the person was known to belong to when the fact became known; a fact from before the
       person's first company waits for that link.
    3. While no company is known, to the person as an individual account. Such a fact is counted there, and again at the
       company from the day the person joins it; the individual account ends on that day.
    4. While its identifier is cut, a fact that names no organisation is nobody's. What was counted before the cut stays.

    Rows: (fact_id, account_id, person_id, available_at). The person is the one known at that time; people who turn out to be
    one later stay two in what was counted before. Facts of nobody we know have no row.
-#}
{% macro attributed(facts) -%}
    select
        facts.fact_id,
        organisation_reach.target as account_id,
        person_spans.person_id,
        greatest(facts.available_at, organisation_reach.available_at) as available_at
    from {{ facts }} as facts
    inner join {{ ref("organisation_reach") }} as organisation_reach on facts.organisation_node = organisation_reach.node
    left join {{ ref("person_spans") }} as person_spans
        on facts.node = person_spans.node
        and greatest(facts.available_at, organisation_reach.available_at) >= person_spans.known_from
        and greatest(facts.available_at, organisation_reach.available_at) < person_spans.known_until

    union all

    select
        facts.fact_id,
        identifier_accounts.account_id,
        person_spans.person_id,
        greatest(facts.available_at, identifier_accounts.available_at)
    from {{ facts }} as facts
    inner join {{ ref("identifier_accounts") }} as identifier_accounts
        on facts.node = identifier_accounts.node
        and facts.available_at >= identifier_accounts.known_from
        and facts.available_at < identifier_accounts.known_until
    inner join {{ ref("person_spans") }} as person_spans
        on facts.node = person_spans.node
        and greatest(facts.available_at, identifier_accounts.available_at) >= person_spans.known_from
        and greatest(facts.available_at, identifier_accounts.available_at) < person_spans.known_until
    where facts.organisation_node is null

    union all

    select
        facts.fact_id,
        accounts.account_id,
        person_spans.person_id,
        greatest(facts.available_at, person_spans.settled_since, accounts.first_seen_at)
    from {{ facts }} as facts
    inner join {{ ref("person_spans") }} as person_spans
        on facts.node = person_spans.node
        and facts.available_at >= person_spans.settled_from
        and facts.available_at < person_spans.known_until
        and person_spans.is_settled
    inner join {{ ref("accounts") }} as accounts on {{ stable_id("ind", "person_spans.person_id") }} = accounts.account_id
    left join {{ ref("identifier_accounts") }} as identifier_accounts
        on facts.node = identifier_accounts.node
        and facts.available_at >= identifier_accounts.known_from
        and facts.available_at < identifier_accounts.known_until
    where
        facts.organisation_node is null
        and (
            identifier_accounts.decided_at is null
            or identifier_accounts.decided_at > greatest(facts.available_at, person_spans.settled_since)
        )
{%- endmacro %}
