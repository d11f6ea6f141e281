select
  tenant_id,
  id as campaign_id,
  name,
  objective,
  status,
  start_date::date as start_date,
  end_date::date as end_date,
  updated_at::timestamptz as updated_at,
  _airbyte_extracted_at as loaded_at
from {{ tenant_rows('meta_ads', 'campaigns') }}
