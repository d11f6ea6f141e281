{#
  How the marts stay small to rebuild: re-read only the days whose rows were loaded since, write only the rows that differ.

  The watermark is per tenant and platform (their syncs end at different times) and inclusive (a row may arrive late with the
  instant of the newest one), so the newest day is read again each time, and nothing is written where nothing differs.
#}

{# CTE `touched`: the (tenant, platform, date) whose rows in `relation` are at or above what {{ this }} has seen. #}
{% macro touched_days(relation) -%}
  seen as materialized (
    select
      tenants.tenant_id,
      platforms.platform,
      (
        select max(built.loaded_at)
        from {{ this }} as built
        where built.tenant_id = tenants.tenant_id and built.platform = platforms.platform
      ) as loaded_at
    from {{ ref('stg_telemetry__tenants') }} as tenants
    cross join (values ('meta'), ('google')) as platforms (platform)
  ),

  touched as materialized (
    select seen.tenant_id, seen.platform, days.date
    from seen
    cross join lateral (
      select distinct loaded.date
      from {{ relation }} as loaded
      where loaded.tenant_id = seen.tenant_id
        and loaded.platform = seen.platform
        and loaded.loaded_at >= coalesce(seen.loaded_at, '-infinity')
    ) as days
  )
{%- endmacro %}

{#
  Incremental strategy `changed_rows`. `meta.replaces` names the columns of a bucket that the model always gives whole: rows of
  such a bucket that are not given any more are deleted. `changed_at` moves only where a figure does; a newer `loaded_at` alone
  is written (the watermark must advance) and changes nothing for those who read.
#}
{% macro get_incremental_changed_rows_sql(arg_dict) -%}
  {%- set target = arg_dict['target_relation'] -%}
  {%- set given = arg_dict['temp_relation'] -%}
  {%- set key = arg_dict['unique_key'] if arg_dict['unique_key'] is not string else [arg_dict['unique_key']] -%}
  {%- set columns = arg_dict['dest_columns'] | map(attribute='name') | list -%}
  {%- set figures = columns | reject('in', key + ['loaded_at', 'changed_at']) | list -%}
  {%- set watched = figures + (['loaded_at'] if 'loaded_at' in columns else []) -%}
  {%- set bucket = (config.get('meta') or {}).get('replaces', []) -%}

  {%- if bucket %}
    delete from {{ target }} as old
    using (select distinct {{ bucket | join(', ') }} from {{ given }}) as whole
    where {% for column in bucket %}old.{{ column }} = whole.{{ column }} and {% endfor %}not exists (
      select 1 from {{ given }} as new
      where {% for column in key %}new.{{ column }} = old.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
    );
  {%- endif %}

  insert into {{ target }} as old ({{ columns | join(', ') }})
  select {{ columns | join(', ') }} from {{ given }} order by {{ key | join(', ') }}
  on conflict ({{ key | join(', ') }}) do update set
    {% for column in watched %}{{ column }} = excluded.{{ column }}, {% endfor -%}
    changed_at = case
      when {{ _differ(figures) }} then excluded.changed_at
      else old.changed_at
    end
  where {{ _differ(watched) }}
{%- endmacro %}

{% macro _differ(columns) -%}
  ({% for column in columns %}old.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
  is distinct from
  ({% for column in columns %}excluded.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
