-- The campaigns of both platforms. Ids carry their platform, because two platforms may use one number.
select
  tenant_id,
  'meta' as platform,
  'meta:' || campaign_id as campaign_id,
  name,
  status,
  objective,
  start_date,
  end_date
from {{ ref('stg_meta_ads__campaigns') }}

union all

select
  tenant_id,
  'google' as platform,
  'google:' || campaign_id as campaign_id,
  name,
  {{ common_status('status') }} as status,
  advertising_channel_type as objective,
  start_date,
  end_date
from {{ ref('stg_google_ads__campaigns') }}
