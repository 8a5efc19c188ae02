"""What a service's role may not do in the database, each refusal beside a role that is not refused."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

import stack.servers.databases
from stack.servers.databases import Passwords, ensure_databases, owner_of
from stack.services import SERVICE_NAMES
from tests.support.databases import ServiceDatabase, server_url, service_database
from tests.support.services import tables_of
from tests.support.stack import Stack

TABLES = "CREATE SEQUENCE numbers; CREATE TABLE sessions (id bigint DEFAULT nextval('numbers'), name text);"
FUNCTION = "CREATE FUNCTION one() RETURNS integer LANGUAGE sql RETURN 1;"

OF_THE_OWNER = (
    "CREATE TABLE mine (id integer)",
    "CREATE TEMPORARY TABLE mine (id integer)",
    "CREATE SCHEMA mine",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE SEQUENCE mine",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql RETURN 1",
    "CREATE INDEX ON {table} (organisation_id)",
    "ALTER TABLE {table} ADD COLUMN mine integer",
    "ALTER TABLE {table} RENAME TO mine",
    "ALTER DATABASE {database} SET jit = on",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT TRUNCATE ON TABLES TO PUBLIC",
    "DROP TABLE {table} CASCADE",
    "TRUNCATE {table} CASCADE",
    "LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE; ALTER TABLE schema_migrations RENAME TO mine",
    "SET ROLE {owner}",
)
OF_THE_SUPERUSER = (
    "CREATE ROLE mine",
    "ALTER ROLE {role} CREATEDB",
    "ALTER ROLE {owner} PASSWORD 'mine'",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "GRANT {owner} TO {role}",
    "CREATE EXTENSION dblink",
    "COPY schema_migrations TO PROGRAM 'cat >/dev/null'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT passwd FROM pg_shadow",
)


def role_of(url: str) -> str:
    return str(urlsplit(url).username)


async def is_refused(url: str, service_url: str, statement: str, *, table: str = "sessions") -> bool:
    """Whether the statement lacks privileges as `url`; what it did otherwise is rolled back."""
    role, database = role_of(service_url), urlsplit(service_url).path[1:]
    statement = statement.format(role=role, owner=owner_of(role), database=database, table=table)
    connection = await asyncpg.connect(url, timeout=10)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    finally:
        await transaction.rollback()
        await connection.close()
    return False


async def cannot_connect(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except asyncpg.InsufficientPrivilegeError:
        return True
    await connection.close()
    return False


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    await connection.execute(statement)
    await connection.close()


def service_url_of(stack: Stack, service: str) -> str:
    return stack.settings[service].database_url.get_secret_value()


@pytest.mark.parametrize("service", SERVICE_NAMES)
@pytest.mark.parametrize("statement", OF_THE_OWNER + OF_THE_SUPERUSER)
async def test_a_service_is_refused_all_but_its_work(stack: Stack, service: str, statement: str) -> None:
    url = service_url_of(stack, service)
    assert await is_refused(url, url, statement, table=tables_of(service)[0])


@pytest.mark.parametrize("statement", OF_THE_OWNER)
async def test_control_the_owner_is_not_refused(stack: Stack, statement: str) -> None:
    owner_url = stack.settings["catalog"].migration_database_url.get_secret_value()
    assert not await is_refused(owner_url, service_url_of(stack, "catalog"), statement)


@pytest.mark.parametrize("statement", OF_THE_SUPERUSER)
async def test_control_the_superuser_is_not_refused(stack: Stack, statement: str) -> None:
    assert not await is_refused(stack.catalog_database_url, service_url_of(stack, "catalog"), statement)


@pytest.mark.parametrize("statement", [each for each in OF_THE_SUPERUSER if "PASSWORD" not in each])
async def test_the_owner_is_refused_what_is_the_superuser_s(stack: Stack, statement: str) -> None:
    owner_url = stack.settings["catalog"].migration_database_url.get_secret_value()
    assert await is_refused(owner_url, service_url_of(stack, "catalog"), statement)


def at(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


@pytest.mark.parametrize("service", SERVICE_NAMES)
@pytest.mark.parametrize("role", ["database_url", "migration_database_url"])
async def test_a_service_connects_to_no_database_but_its_own(stack: Stack, service: str, role: str) -> None:
    url = getattr(stack.settings[service], role).get_secret_value()
    others = [urlsplit(service_url_of(stack, other)).path[1:] for other in SERVICE_NAMES if other != service]
    for database in (*others, "postgres", "template1"):
        assert await cannot_connect(at(url, database)), database
    assert not await cannot_connect(url)


async def test_control_who_was_granted_connects_to_another_s_database(fresh: ServiceDatabase, stack: Stack) -> None:
    elsewhere = urlsplit(fresh.service_url).path[1:]
    url = at(service_url_of(stack, "catalog"), elsewhere)
    assert await cannot_connect(url)
    await execute(fresh.superuser_url, f"GRANT CONNECT ON DATABASE {elsewhere} TO {role_of(url)}")
    assert not await cannot_connect(url)
    await execute(fresh.superuser_url, f"REVOKE CONNECT ON DATABASE {elsewhere} FROM {role_of(url)}")


@pytest.fixture
async def fresh() -> AsyncIterator[ServiceDatabase]:
    async with service_database("fresh") as database:
        yield database


WORK = (
    "INSERT INTO sessions (name) VALUES ('a')",
    "UPDATE sessions SET name = 'b'",
    "SELECT name, one() FROM sessions",
    "DELETE FROM sessions",
    "LISTEN outbox",
    "SELECT pg_advisory_xact_lock(1), pg_notify('outbox', '')",
)


@pytest.mark.parametrize("statement", WORK)
async def test_the_service_works_on_what_a_later_migration_makes(fresh: ServiceDatabase, statement: str) -> None:
    await execute(fresh.owner_url, TABLES + FUNCTION)
    assert not await is_refused(fresh.service_url, fresh.service_url, statement)


@pytest.mark.parametrize("statement", WORK[:4])
async def test_control_without_default_privileges_it_does_not(fresh: ServiceDatabase, statement: str) -> None:
    owner, service = role_of(fresh.owner_url), role_of(fresh.service_url)
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        await execute(
            fresh.superuser_url, f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE ALL ON {kind} FROM {service}"
        )
    await execute(fresh.owner_url, TABLES + FUNCTION)
    assert await is_refused(fresh.service_url, fresh.service_url, statement)


OWNED = """
SELECT (SELECT count(*) FROM pg_class WHERE relowner = role.oid)
     + (SELECT count(*) FROM pg_proc WHERE proowner = role.oid)
     + (SELECT count(*) FROM pg_database WHERE datdba = role.oid)
FROM pg_roles AS role WHERE rolname = $1
"""


async def owned_by(fresh: ServiceDatabase, role: str) -> int:
    connection = await asyncpg.connect(fresh.superuser_url, timeout=10)
    count: int = await connection.fetchval(OWNED, role)
    await connection.close()
    return count


async def earlier_version(fresh: ServiceDatabase) -> None:
    """The database as earlier versions left it: everything is the service's own, and so is the database."""
    role = role_of(fresh.service_url)
    name = urlsplit(fresh.service_url).path[1:]
    await execute(fresh.superuser_url, f"ALTER DATABASE {name} OWNER TO {role}; GRANT ALL ON SCHEMA public TO {role}")
    await execute(fresh.service_url, TABLES + FUNCTION + "INSERT INTO sessions (name) VALUES ('kept')")
    assert await owned_by(fresh, role) >= 4


async def upgrade(fresh: ServiceDatabase) -> None:
    owner, service = urlsplit(fresh.owner_url), urlsplit(fresh.service_url)
    passwords = Passwords(owner=str(owner.password), service=str(service.password))
    await ensure_databases(server_url(), {role_of(fresh.service_url): passwords})


@pytest.mark.parametrize("times", [1, 2])
async def test_a_database_of_an_earlier_version_gets_its_owner(fresh: ServiceDatabase, times: int) -> None:
    await earlier_version(fresh)
    for _ in range(times):
        await upgrade(fresh)
    assert await owned_by(fresh, role_of(fresh.service_url)) == 0
    for statement in ("CREATE TABLE mine (id integer)", "TRUNCATE sessions", "DROP TABLE sessions"):
        assert await is_refused(fresh.service_url, fresh.service_url, statement)
        assert not await is_refused(fresh.owner_url, fresh.service_url, statement)
    for statement in WORK:
        assert not await is_refused(fresh.service_url, fresh.service_url, statement)


async def test_control_unless_ownership_moves_the_service_goes_on_to_change_the_schema(
    fresh: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = stack.servers.databases._statements

    def without_reassignment(name: str) -> str:
        return "\n".join(line for line in statements(name).splitlines() if "REASSIGN" not in line)

    await earlier_version(fresh)
    monkeypatch.setattr(stack.servers.databases, "_statements", without_reassignment)
    await upgrade(fresh)
    assert not await is_refused(fresh.service_url, fresh.service_url, "DROP TABLE sessions")


async def test_a_changed_password_arrives(fresh: ServiceDatabase) -> None:
    password = "p@ss/w:rd%#? 'é\""
    [urls] = (await ensure_databases(server_url(), {role_of(fresh.service_url): Passwords("o", password)})).values()
    assert not await cannot_connect(urls.service)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await cannot_connect(fresh.service_url)


async def test_both_roles_use_functions_of_extensions_after_the_privileges_were_set_again() -> None:
    """Each start sets them: the next version's migrations fill columns that such a function computes."""
    async with service_database("again", password="secret") as database:
        await execute(database.owner_url, "CREATE EXTENSION unaccent")
        name = urlsplit(database.service_url).path[1:]
        await ensure_databases(server_url(), {name: Passwords("secret", "secret")})
        for url in (database.owner_url, database.service_url):
            await execute(url, "SELECT unaccent('é')")
