select
  tenant_id,
  id::text as ad_id,
  campaign_id::text as campaign_id,
  headline,
  status,
  updated_at::timestamptz as updated_at,
  _airbyte_extracted_at as loaded_at
from {{ tenant_rows('google_ads', 'ads') }}
