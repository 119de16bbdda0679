-- Two algorithms must agree: identifiers are one person (the oldest companion that a best path reaches) exactly where they are
-- one connected component.
{{ config(meta={"dagster": {"ref": {"name": "person_identifiers"}}}) }}

with

members as (
    select
        components.component,
        person_identifiers.person_id
    from {{ ref("person_components") }} as components
    left join {{ ref("person_identifiers") }} as person_identifiers on components.node = person_identifiers.node
)

select component as identifier
from members
group by component
having count(distinct person_id) <> 1 or count(*) <> count(person_id)

union all

select person_id
from members
group by person_id
having count(distinct component) <> 1
