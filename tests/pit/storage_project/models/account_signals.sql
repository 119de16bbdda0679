{{ config(materialized='view') }}

select * from raw.facts
