-- Grain: one row per (model, signal): what the model learned of it, in the words of seeds/signals.csv.

with

weights as (
    select * from {{ source("ml", "signal_weights") }}
),

final as (
    select
        weights.model_version,
        weights.signal,
        signals.label,
        signals.category,
        weights.learned_weight,
        weights.share,
        weights.points,
        weights.direction,
        weights.stability,
        weights.lift,
        weights.rank
    from weights
    left join {{ ref("signals") }} as signals on weights.signal = signals.signal
)

select * from final
