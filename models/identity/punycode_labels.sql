-- Grain: one row per label in xn-- form, with the letters that it stands for: RFC 3492, section 6.2, whose names are in
-- brackets. A label that no letters give has no row. The recursion reads one character per step, all labels together.

with recursive

hosts as (
    select * from {{ ref("observed_hosts") }} where spelling like '%xn--%'
),

positions as (
    select 1 as position
    {%- for position in range(2, 11) %}
    union all
    select {{ position }}
    {%- endfor %}
),

labels as (
    select distinct split_part(hosts.spelling, '.', positions.position) as label
    from hosts
    cross join positions
),

-- Before the last hyphen stand the plain letters, after it the digits that say which letters to insert where.
parts as (
    select
        label,
        case when label like 'xn--%-%' then regexp_replace(substr(label, 5), '-[^-]*$', '') else '' end as plain,
        regexp_replace(label, '^.*-', '') as digits
    from labels
    where label like 'xn--%' and length(label) <= 63 and not {{ matches("label", "'[^a-z0-9-]'") }}
),

steps as (
    select
        label,
        plain as spelling,
        digits as unread,
        cast(128 as bigint) as code_point,  -- [n]
        cast(0 as bigint) as place,  -- [i]
        cast(0 as bigint) as place_before,  -- [oldi]
        cast(1 as bigint) as weight,  -- [w]
        cast(36 as bigint) as base,  -- [k]
        cast(72 as bigint) as bias
    from parts
    where digits <> ''

    union all

    select
        label,
        case
            when not is_last_digit then spelling
            else substr(spelling, 1, insert_at) || chr(cast(insert_code_point as integer)) || substr(spelling, insert_at + 1)
        end,
        substr(unread, 2),
        case when is_last_digit then insert_code_point else code_point end,
        case when is_last_digit then insert_at + 1 else new_place end,
        case when is_last_digit then insert_at + 1 else place_before end,
        case when is_last_digit then 1 else weight * (36 - threshold) end,
        case when is_last_digit then 36 else base + 36 end,
        -- [adapt]: a delta above 455 is divided by 35 until it is not, here by a power of 35.
        case
            when not is_last_digit then bias
            {%- for power in range(6) %}
            {%- set rest = whole_quotient("delta", 35 ** power) %}
            when delta < {{ 456 * 35 ** power }}
                then {{ 36 * power }} + {{ whole_quotient("36 * " ~ rest, rest ~ " + 38") }}
            {%- endfor %}
        end
    from (
        select
            *,
            mod(new_place, letters) as insert_at,
            code_point + {{ whole_quotient("new_place", "letters") }} as insert_code_point,
            new_delta + {{ whole_quotient("new_delta", "letters") }} as delta
        from (
            select
                *,
                digit < threshold as is_last_digit,
                place + digit * weight as new_place,
                {{ whole_quotient("place + digit * weight - place_before", "damping") }} as new_delta
            from (
                select
                    *,
                    length(spelling) + 1 as letters,
                    position(substr(unread, 1, 1) in 'abcdefghijklmnopqrstuvwxyz0123456789') - 1 as digit,
                    least(greatest(base - bias, 1), 26) as threshold,
                    case when place_before = 0 then 700 else 2 end as damping
                from steps
                where unread <> '' and weight < 2147483648
            ) as read_digit
            where digit >= 0
        ) as weighed_digit
        where new_place < 2147483648
    ) as placed_letter
    where not is_last_digit or insert_code_point < 55296 or insert_code_point between 57344 and 1114111
),

final as (
    select
        label,
        {{ one_spelling("lower(spelling)") }} as spelling
    from steps
    where unread = '' and weight = 1
)

select * from final
