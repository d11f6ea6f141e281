select
  tenant_id,
  campaign_id::text as campaign_id,
  month::date as month,
  amount_micros::numeric / 1000000 as amount,
  currency_code as currency,
  updated_at::timestamptz as updated_at,
  _airbyte_extracted_at as loaded_at
from {{ tenant_rows('google_ads', 'budgets') }}
