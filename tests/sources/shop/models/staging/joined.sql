{{ config(materialized='ephemeral') }} select tenant_id, id from {{ ref('stg_orders') }} join {{ ref('codes') }} using (id)
