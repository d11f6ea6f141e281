-- What was delivered in each parish on each day.
{{
  config(
    materialized='incremental',
    incremental_strategy='changed_rows',
    unique_key=['tenant_id', 'date', 'platform', 'parish'],
    on_schema_change='fail',
    indexes=[{'columns': ['tenant_id', 'platform', 'loaded_at']}, {'columns': ['tenant_id', 'changed_at']}],
    meta={
      'replaces': ['tenant_id', 'platform', 'date'],
      'telemetry': {'tenant_column': 'tenant_id', 'time_column': 'loaded_at'},
    },
  )
}}
{{ daily_delivery(keys=['parish']) }}
