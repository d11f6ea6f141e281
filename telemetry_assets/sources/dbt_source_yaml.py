"""The `sources:` of a dbt project's YAML → source tables, by dbt's own rules of inheritance.

What belongs here: source → table, top level → `config:`, dbt_project.yml → both. What does not: the manifest, which
already has all this applied (``dbt_project.py``). A test holds this against what real dbt parses.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from telemetry_assets.errors import ConfigError
from telemetry_assets.sources.dbt_jinja import Context, render
from telemetry_assets.sources.dbt_profile import read_yaml
from telemetry_assets.sources.dbt_project import Project, SourceTable, window

_SPANS = ("warn_after", "error_after")
_CONFIGS = ("enabled", "freshness")


def read_project(project: Project, root: Project, context: Context) -> tuple[list[SourceTable], int]:
    """One package's dated source tables and the count of its undated ones. Raises ConfigError naming the file."""
    tables: list[SourceTable] = []
    undated = 0
    for path in project.yaml_files():
        # Most YAML of a project describes models; reading it costs more than the whole question.
        if b"sources" not in path.read_bytes():
            continue
        for found in _file_tables(path, project, root, context):
            if found is None:
                undated += 1
            else:
                tables.append(found)
    return tables, undated


def _file_tables(path: Path, project: Project, root: Project, context: Context) -> Iterator[SourceTable | None]:
    document = read_yaml(path)
    sources = document.get("sources") if isinstance(document, Mapping) else None
    if not sources:
        return
    prefix = _fqn_prefix(path, project)
    trees = [each.document.get("sources") for each in ((project, root) if project is not root else (root,))]
    for source in _mappings(sources, f"{path}, sources"):
        if source.get("overrides"):
            raise ConfigError(
                f"{path}: source '{source.get('name')}' has `overrides:`, which only dbt can resolve.",
                "Run `dbt parse`, then scan again.",
            )
        for table in _mappings(source.get("tables") or [], f"{path}, source '{source.get('name')}', tables"):
            where = f"{path}, source '{source.get('name')}.{table.get('name')}'"
            inherited = _tree_config(trees, [*prefix, str(source.get("name")), str(table.get("name"))])
            if _enabled(source, table, inherited, context, where):
                yield _table(source, table, inherited, root, context, where)


def _table(
    source: Mapping[str, Any],
    table: Mapping[str, Any],
    inherited: Mapping[str, Any],
    root: Project,
    context: Context,
    where: str,
) -> SourceTable | None:
    freshness = _freshness(source, table, inherited)
    spans = {name: window(_rendered(freshness.get(name), context, where), where) for name in _SPANS}
    if not any(spans.values()):
        return None

    def text(value: Any) -> str | None:
        return None if value is None else str(render(value, context, where))

    name = text(table["name"]) or ""
    source_name = text(source["name"]) or ""
    quoting = _quoting(root, source, table)
    database, schema, identifier = (
        text(source.get("database")),
        text(source.get("schema")),
        text(table.get("identifier")),
    )
    clock = _loaded_at(source, table)
    query = clock.get("loaded_at_query")
    return SourceTable(
        source=source_name,
        table=name,
        schema=_folded(schema or source_name, quoting["schema"]),
        identifier=_folded(identifier or name, quoting["identifier"]),
        warn_after=spans["warn_after"],
        error_after=spans["error_after"],
        loaded_at_field=text(clock.get("loaded_at_field")),
        loaded_at_query=None if query is None else str(query),
        filter=text(freshness.get("filter")),
        database=database,
    )


def _freshness(source: Mapping[str, Any], table: Mapping[str, Any], inherited: Mapping[str, Any]) -> dict[str, Any]:
    """dbt's merge: source, its config, table, its config; a null switches off what came before it."""
    merged: dict[str, Any] | None = _block(source)
    for update in (_block(_config(source)), _block(table), _block(_config(table))):
        merged = _merge(merged, update)
    if merged is None:
        return {}
    return merged if any(_whole(merged.get(name)) for name in _SPANS) else dict(_block(inherited) or {})


def _block(node: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a level says: {} where it is silent, None where it says null."""
    value = node.get("freshness", {})
    return dict(value) if isinstance(value, Mapping) else None


def _merge(base: dict[str, Any] | None, update: dict[str, Any] | None) -> dict[str, Any] | None:
    if base is None or update is None:
        return update if base is None and update and any(_whole(update.get(name)) for name in _SPANS) else None
    merged = {**base, **({"filter": update["filter"]} if update.get("filter") is not None else {})}
    for name in _SPANS:
        if name in update and update[name] is None:
            merged[name] = None
        elif _whole(update.get(name)):
            merged[name] = {**(base.get(name) or {}), **update[name]}
    return merged


def _whole(span: Any) -> bool:
    """True for a count with its period; dbt takes a half for nothing."""
    return isinstance(span, Mapping) and span.get("count") is not None and span.get("period") is not None


def _loaded_at(source: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Column and query, each from the table, else the source; a table's null column is an answer, and a table's column
    silences the source's query. (dbt 1.11 drops what dbt_project.yml says of them.)"""

    def said(node: Mapping[str, Any], key: str) -> Any:
        return node.get(key) or _config(node).get(key)

    spoken = "loaded_at_field" in table or _config(table).get("loaded_at_field") is not None
    column = said(table if spoken else source, "loaded_at_field")
    query = said(table, "loaded_at_query")
    if query is None and "loaded_at_field" not in table:
        query = said(source, "loaded_at_query")
    return {"loaded_at_field": column, "loaded_at_query": query}


def _tree_config(trees: list[Any], fqn: list[str]) -> dict[str, Any]:
    """What `sources:` of dbt_project.yml says for one table, the deeper level winning."""
    config: dict[str, Any] = {}
    for tree in trees:
        level = tree
        for step in (*fqn, None):
            if not isinstance(level, Mapping):
                break
            config.update({key: level[name] for key in _CONFIGS for name in (key, f"+{key}") if name in level})
            level = level.get(step)
    return config


def _fqn_prefix(path: Path, project: Project) -> list[str]:
    for folder in project.folders():
        if path.is_relative_to(folder):
            return [project.name, *path.relative_to(folder).parent.parts]
    return [project.name]


def _enabled(
    source: Mapping[str, Any], table: Mapping[str, Any], inherited: Mapping[str, Any], context: Context, where: str
) -> bool:
    value: Any = inherited.get("enabled", True)
    for node in (source, table):
        value = _config(node).get("enabled", value)
    rendered = render(value, context, where)
    return (
        rendered
        if isinstance(rendered, bool)
        else str(rendered).strip().lower() not in ("false", "0", "no", "none", "")
    )


def _quoting(root: Project, source: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, bool]:
    quoting = {"schema": True, "identifier": True}
    for level in (root.document.get("quoting"), source.get("quoting"), table.get("quoting")):
        if isinstance(level, Mapping):
            quoting.update({key: bool(level[key]) for key in quoting if level.get(key) is not None})
    return quoting


def _folded(name: str, quoted: bool) -> str:
    return name if quoted else name.lower()


def _rendered(value: Any, context: Context, where: str) -> Any:
    return {key: render(each, context, where) for key, each in value.items()} if isinstance(value, Mapping) else value


def _config(node: Mapping[str, Any]) -> Mapping[str, Any]:
    config = node.get("config")
    return config if isinstance(config, Mapping) else {}


def _mappings(value: Any, where: str) -> Iterator[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise ConfigError(f"{where} is not a list.")
    for item in value:
        if not isinstance(item, Mapping) or not item.get("name"):
            raise ConfigError(f"{where} has an entry without a name.")
        yield item
