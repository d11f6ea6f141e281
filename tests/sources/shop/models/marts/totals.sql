select count(*)::integer as n from {{ ref('orders') }}
