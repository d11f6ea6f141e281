-- The freshness engine's memory: data times in arrays, so that half a million subjects are judged in one scan; looks from
-- outside, corrections, changes of state; the dashboards beside the graph.

-- Which roots a fact has data times of: a few sets for millions of facts. Data times stand in the order of `roots`.
create table telemetry.root_sets (
    id    integer generated always as identity primary key,
    roots text[] collate "C" not null unique
);

insert into telemetry.root_sets (roots)
select distinct coalesce((select array_agg(key collate "C" order by key collate "C") from jsonb_object_keys(data_times) key), '{}')
from telemetry.subjects;

alter table telemetry.subjects add column root_set integer references telemetry.root_sets, add column times timestamptz[],
    add column looked_at timestamptz, alter column run_time drop not null;
update telemetry.subjects held set
    root_set = (
        select id from telemetry.root_sets
        where roots = coalesce(
            (select array_agg(key collate "C" order by key collate "C") from jsonb_object_keys(held.data_times) key), '{}')
    ),
    times = coalesce(
        (select array_agg(value::timestamptz order by key collate "C") from jsonb_each_text(held.data_times)), '{}');
-- What was seen in somebody else's table had the table's newest row as its run: nobody's run is known.
update telemetry.subjects set looked_at = recorded_at, run_time = null where source = 'watched';
alter table telemetry.subjects drop column data_times, alter column root_set set not null, alter column times set not null;
alter table telemetry.subjects rename column times to data_times;
alter table telemetry.subjects add check (run_time is not null or looked_at is not null);
drop function telemetry.later_of_each(jsonb, jsonb);
-- What nobody could know yet when it was told: asked of half a million facts at once, so it is told apart when written.
alter table telemetry.subjects
    add column ahead boolean not null generated always as (coalesce(looked_at, run_time) < any (data_times)) stored;
comment on column telemetry.subjects.run_time is 'The end of the run that made it; null where nobody''s run is known.';
comment on column telemetry.subjects.looked_at is 'When it was seen, where no run of ours made it.';
comment on column telemetry.subjects.data_times is 'The data time of each root of the root set, as that run incorporated it.';

-- A root whose newest fact holds an earlier data time than the one before: a restored table, a source that was reset.
create table telemetry.corrections (
    id          bigint generated always as identity primary key,
    asset       text collate "C" not null,
    tenant      text collate "C" not null,
    was         timestamptz not null,
    became      timestamptz not null,
    known_at    timestamptz not null,
    run_id      text not null,
    recorded_at timestamptz not null default now()
);
create index corrections_newest on telemetry.corrections (asset, tenant, id desc);

-- The last time we looked at something from outside: a table others fill, the syncs a server schedules.
create table telemetry.looks (
    feeder    text collate "C" primary key,
    looked_at timestamptz not null,
    error     text not null default '',
    note      text not null default ''
);
comment on column telemetry.looks.feeder is 'An asset''s key, or a source''s name.';
comment on column telemetry.looks.note is 'What was left out of what was seen, in words.';

-- Append-only: each change of a subject's state, and while it is not fresh each move of its data times, with what it was
-- judged by: enough to judge that time again against another window, no tighter than the one of then.
create table telemetry.state_changes (
    id           bigint generated always as identity primary key,
    changed_at   timestamptz not null,
    asset        text collate "C" not null,
    tenant       text collate "C" not null,
    state_before text,
    state        text not null,
    run_state    text not null,
    run_time     timestamptz,
    binding_root text,
    data_time    timestamptz,
    slack        interval,
    data_times   jsonb not null default '{}',
    owner        text,
    reason       text not null
);
create index state_changes_newest on telemetry.state_changes (asset, tenant, id desc);
create index state_changes_recent on telemetry.state_changes (changed_at desc);

-- Where the log of changes stands: the subjects that were not fresh when it was last written. No reader judges by it.
create table telemetry.not_fresh (
    asset     text collate "C" not null,
    tenant    text collate "C" not null,
    state     text not null,
    data_time timestamptz,
    since     timestamptz not null,
    primary key (asset, tenant)
);

-- The dashboards that read the graph, from dbt's exposures.
create table telemetry.exposures (
    name    text collate "C" primary key,
    label   text not null,
    type    text not null default 'dashboard',
    owner   text,
    url     text,
    parents text[] not null default '{}'
);

-- Whose nodes these are: our code location's own, or those of another location that we saw materialize.
alter table telemetry.assets add column origin text not null default 'own';
