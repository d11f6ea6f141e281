"""``telemetry doctor``: one finding per thing we depend on, with its cause and its remedy.

What belongs here: asking each dependency the question it must answer. What does not: the stand-ins (``local/``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from telemetry_assets import running
from telemetry_assets.errors import ConfigError, TelemetryError
from telemetry_assets.model import Diagnosis, ExitCode, worst_exit
from telemetry_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class DoctorAnswer:
    """All findings, in the order in which one depends on the other."""

    findings: tuple[Diagnosis, ...] = field(default=())

    @property
    def exit_code(self) -> ExitCode:
        """The worst of the findings by the one table."""
        return worst_exit([finding.exit_code for finding in self.findings if not finding.well])


def examine(
    load: Callable[[], Settings],
    local: Callable[[Settings], Sequence[Diagnosis]],
    usable: Callable[[Settings], None] = lambda settings: None,
) -> DoctorAnswer:
    """Look at everything, also after a failure. ``local`` adds what only the stand-ins know; ``usable`` raises
    ConfigError for a channel that cannot be used."""
    findings = [_drivers()]
    try:
        settings = load()
    except TelemetryError as error:
        return DoctorAnswer((*findings, _unwell("telemetry.yaml", error)))
    findings.append(Diagnosis("telemetry.yaml", True, f"{settings.path}, {len(settings.promises)} promises"))
    findings += local(settings)
    findings += [_ask("database", lambda: _database(settings)), _ask("ledger", lambda: _ledger(settings))]
    findings += [_ask("Airbyte", lambda: _airbyte(settings)), _ask("secrets", lambda: _secrets(settings))]
    findings += [_ask("channels", lambda: _channels(settings, usable))]
    if settings.dbt:
        findings.append(_ask("dbt manifest", lambda: _manifest(settings)))
    return DoctorAnswer(tuple(findings))


def _ask(subject: str, look: Callable[[], str]) -> Diagnosis:
    try:
        return Diagnosis(subject, True, look())
    except TelemetryError as error:
        return _unwell(subject, error)


def _unwell(subject: str, error: TelemetryError) -> Diagnosis:
    return Diagnosis(subject, False, error.message, error.remedy, error.exit_code)


def _drivers() -> Diagnosis:
    """SQLAlchemy 2.1 takes psycopg 3 for a bare postgresql:// URL, and dagster-postgres then fails."""
    try:
        found = version("sqlalchemy")
    except PackageNotFoundError:
        return Diagnosis("packages", False, "SQLAlchemy is missing.", "Install requirements.lock.", ExitCode.FAILING)
    if tuple(int(part) for part in found.split(".")[:2]) >= (2, 1):
        said = f"SQLAlchemy {found} breaks Dagster's PostgreSQL storage (every event write fails)."
        return Diagnosis("packages", False, said, "Install sqlalchemy<2.1.", ExitCode.FAILING)
    return Diagnosis(
        "packages", True, f"dagster {version('dagster')}, dbt-core {version('dbt-core')}, SQLAlchemy {found}"
    )


def _database(settings: Settings) -> str:
    from telemetry_assets.ledger.connection import connect, place, server_version

    dsn = running.database_dsn(settings)
    with connect(dsn) as conn:
        return f"PostgreSQL {server_version(conn)} at {place(dsn)}"


def _ledger(settings: Settings) -> str:
    from telemetry_assets.ledger.connection import connect
    from telemetry_assets.ledger.schema import require_current, revision

    with connect(running.database_dsn(settings)) as conn:
        require_current(conn)
        return f"schema telemetry at revision {revision(conn)}"


def _airbyte(settings: Settings) -> str:
    if not settings.sources:
        return "no sources declared"
    if settings.airbyte.url is None and "airbyte" not in running.read(settings.home):
        return "local stand-in; it is started when a command needs it"
    from telemetry_assets.sources.airbyte import client_for

    client = client_for(settings, attempts=1)
    client.workspace()
    return f"answers at {running.airbyte_url(settings)}"


def _secrets(settings: Settings) -> str:
    demo_gives = {"DEMO_ADS_URL", "DEMO_ADS_TOKEN"}
    asked = {ref.env: ref for ref in settings.secrets() if ref.env not in demo_gives}
    names = sorted(asked)
    for name in names:
        asked[name].reveal()
    return f"{len(names)} asked for, all set" if names else "none asked for"


def _channels(settings: Settings, usable: Callable[[Settings], None]) -> str:
    """Whether an ERROR of each owner would go anywhere. Nothing is sent: --send-test does that."""
    usable(settings)
    channels = [*settings.channels, *([settings.fallback.name] if settings.fallback else [])]
    if not settings.owners and not channels:
        return "none declared; nobody is told of anything"
    deaf = [one.name for one in settings.owners.values() if not (one.notify.get("ERROR") or one.notify.get("WARN"))]
    if deaf and not settings.fallback:
        said = f"No channel reaches {', '.join(deaf)}."
        raise ConfigError(said, "Give notify: {ERROR: [CHANNEL]}, or export MONITOR_ALERT_WEBHOOK_URL.")
    return f"{', '.join(channels)}; try one: telemetry doctor --send-test {channels[0]}"


def _manifest(settings: Settings) -> str:
    from telemetry_assets.sources.asset_graph import read_manifest

    assert settings.dbt is not None
    manifest = read_manifest(settings.dbt)
    return f"{len(manifest.get('nodes', {}))} nodes in {settings.dbt.manifest_path}"
