{{ config(materialized='view') }}
select orders_enriched.org_id, sum(orders_enriched.amount) as revenue, count(refunds.order_id) as refunds
from {{ ref('orders_enriched') }} as orders_enriched
left join {{ source('erp', 'refunds') }} as refunds using (org_id, order_id)
group by 1
