select tenant_id, 1 as n from {{ ref('joined') }}
