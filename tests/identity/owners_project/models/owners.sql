{{ config(materialized="first_come_owners") }}

select kind, left_node, right_node, claim_rank from main.claim_rows
