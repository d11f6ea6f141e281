{{ config(materialized='ephemeral') }} select o.* from {{ ref('stg_orders') }} as o join {{ ref('codes') }} using (id)
