-- What each ad delivered on each day, and in which parishes.
{{
  config(
    materialized='incremental',
    incremental_strategy='changed_rows',
    unique_key=['tenant_id', 'date', 'campaign_id', 'ad_id'],
    on_schema_change='fail',
    indexes=[{'columns': ['tenant_id', 'platform', 'loaded_at']}, {'columns': ['tenant_id', 'changed_at']}],
    meta={
      'replaces': ['tenant_id', 'platform', 'date'],
      'telemetry': {'tenant_column': 'tenant_id', 'time_column': 'loaded_at'},
    },
  )
}}
{{ daily_delivery(keys=['campaign_id', 'ad_id'], places=true) }}
