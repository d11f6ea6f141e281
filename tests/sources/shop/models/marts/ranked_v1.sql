{{ config(meta={'dagster': {'asset_key': ['league', 'first']}}) }} select 1 as n from {{ ref('orders') }}
