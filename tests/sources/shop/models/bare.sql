{{ config(materialized='table') }} select shop_id from {{ source('files', 'warns_only') }}
