select
  tenant_id,
  id as ad_id,
  campaign_id,
  name,
  status,
  updated_at::timestamptz as updated_at,
  _airbyte_extracted_at as loaded_at
from {{ tenant_rows('meta_ads', 'ads') }}
