-- Two organisation identifiers that an override keeps apart are two accounts. Where other overrides or mergers in the CRM join
-- them all the same, the rows contradict each other and somebody has to say which one holds.
{{ config(severity="warn", meta={"dagster": {"ref": {"name": "organisation_decisions"}}}) }}

select
    decisions.node,
    decisions.other_node,
    reach.target as account_id
from {{ ref("organisation_decisions") }} as decisions
inner join {{ ref("organisation_reach") }} as reach on decisions.node = reach.node
inner join {{ ref("organisation_reach") }} as other_reach on decisions.other_node = other_reach.node
where decisions.decision = 'separate' and reach.target = other_reach.target
