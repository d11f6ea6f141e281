select 1 as n from {{ ref('orders') }}
