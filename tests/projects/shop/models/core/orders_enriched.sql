select orders.org_id, orders.order_id, orders.amount, products.title, countries.country_name
from {{ source('erp', 'orders') }} as orders
left join {{ source('erp', 'products') }} as products using (product_id)
left join {{ ref('countries') }} as countries using (country)
