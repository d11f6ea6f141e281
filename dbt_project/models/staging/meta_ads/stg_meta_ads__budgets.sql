select
  tenant_id,
  campaign_id,
  month::date as month,
  amount::numeric as amount,
  currency,
  updated_at::timestamptz as updated_at,
  _airbyte_extracted_at as loaded_at
from {{ tenant_rows('meta_ads', 'budgets') }}
