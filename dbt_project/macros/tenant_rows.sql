{#
  The rows of one raw stream with a `tenant_id`, whatever the raw layout is. The only place that knows the layout:
    column: every raw table has a tenant column (`vars.tenant_column`), written by the loader.
  A schema or a table prefix per tenant would be another branch here, and no model would change.
#}
{% macro tenant_rows(source_name, stream) -%}
  {%- set layout = var('tenant_layout') -%}
  {%- if layout != 'column' -%}
    {{ exceptions.raise_compiler_error("tenant_layout '" ~ layout ~ "' is not known here. Write: column") }}
  {%- endif -%}
  {%- set column = var('tenant_column') -%}
  {%- if column == 'tenant_id' -%}
    {{ source(source_name, stream) }}
  {%- else -%}
    (select {{ adapter.quote(column) }} as tenant_id, stream_rows.* from {{ source(source_name, stream) }} as stream_rows)
  {%- endif -%}
{%- endmacro %}
