-- The ads of both platforms; a Google ad goes by its headline.
select
  tenant_id,
  'meta' as platform,
  'meta:' || ad_id as ad_id,
  'meta:' || campaign_id as campaign_id,
  name,
  status
from {{ ref('stg_meta_ads__ads') }}

union all

select
  tenant_id,
  'google' as platform,
  'google:' || ad_id as ad_id,
  'google:' || campaign_id as campaign_id,
  headline as name,
  {{ common_status('status') }} as status
from {{ ref('stg_google_ads__ads') }}
