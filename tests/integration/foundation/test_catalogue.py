"""
What the catalogue of Postgres says about the walls: asked about every table, so that a new one is in it.

Each query names what breaks the rule; the answer must be empty. `test_a_table_that_breaks_every_rule_is_named`
holds the queries to it that they find something at all.
"""

from collections.abc import Iterator

import psycopg
import pytest

# Whom the session of a request or a job is; xdr_owner migrates and nothing else.
_WORKING = "('xdr_app', 'xdr_platform')"
_TENANT = """
    SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
"""
RULES = {
    "a table of organisations without forced row-level security": f"""
        SELECT relname FROM ({_TENANT}) t WHERE NOT relispartition AND NOT (relrowsecurity AND relforcerowsecurity)
    """,
    "a table of organisations without a policy for every command": f"""
        SELECT relname FROM ({_TENANT}) t WHERE NOT relispartition AND NOT EXISTS (
          SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polcmd = '*' AND p.polpermissive
            AND pg_get_expr(p.polqual, p.polrelid) LIKE '%org_id%')
    """,
    "a partition that a working role reaches past its table's policy": f"""
        SELECT relname FROM ({_TENANT}) t WHERE relispartition AND NOT (relrowsecurity AND relforcerowsecurity)
          AND (has_table_privilege('xdr_app', oid, 'SELECT, INSERT, UPDATE, DELETE')
            OR has_table_privilege('xdr_platform', oid, 'SELECT, INSERT, UPDATE, DELETE'))
    """,
    "a view that does not ask as whoever looks": """
        SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace IN ('public'::regnamespace, 'app'::regnamespace)
          AND NOT coalesce(reloptions @> ARRAY['security_invoker=true'], false)
    """,
    "a materialised view, which no policy guards": """
        SELECT relname FROM pg_class WHERE relkind = 'm' AND relnamespace IN ('public'::regnamespace, 'app'::regnamespace)
    """,
    "a role of ours that passes policies": """
        SELECT rolname FROM pg_roles WHERE rolname LIKE 'xdr_%' AND (rolsuper OR rolbypassrls OR rolcreaterole)
    """,
    "a working role that is a member of another role": f"""
        SELECT m.rolname FROM pg_auth_members am JOIN pg_roles m ON m.oid = am.member WHERE m.rolname IN {_WORKING}
    """,
    "something that a working role owns": f"""
        SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) IN {_WORKING}
        UNION ALL SELECT proname FROM pg_proc WHERE pg_get_userbyid(proowner) IN {_WORKING}
        UNION ALL SELECT nspname FROM pg_namespace WHERE pg_get_userbyid(nspowner) IN {_WORKING}
    """,
    "a table that a working role may truncate, or put a trigger on": """
        SELECT c.relname FROM pg_class c, unnest(ARRAY['xdr_app', 'xdr_platform']) role
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
          AND has_table_privilege(role, c.oid, 'TRUNCATE, REFERENCES, TRIGGER')
    """,
    "a schema that a working role makes things in": """
        SELECT nspname FROM pg_namespace, unnest(ARRAY['xdr_app', 'xdr_platform']) role
        WHERE nspname IN ('public', 'app', 'app_private') AND has_schema_privilege(role, oid, 'CREATE')
    """,
    "a foreign key between organisations' tables that could lead into another organisation": f"""
        SELECT k.conname FROM pg_constraint k
        JOIN ({_TENANT}) f ON f.oid = k.conrelid JOIN ({_TENANT}) t ON t.oid = k.confrelid
        WHERE k.contype = 'f' AND NOT EXISTS (
          SELECT FROM unnest(k.conkey, k.confkey) AS pair(here, there)
          JOIN pg_attribute h ON h.attrelid = k.conrelid AND h.attnum = here AND h.attname = 'org_id'
          JOIN pg_attribute o ON o.attrelid = k.confrelid AND o.attnum = there AND o.attname = 'org_id')
    """,
    "a unique index that tells that another organisation has the same": f"""
        SELECT i.relname FROM pg_index x JOIN ({_TENANT}) t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
        WHERE x.indisunique AND NOT EXISTS (
          SELECT FROM pg_attribute a WHERE a.attrelid = x.indrelid AND a.attnum = x.indkey[0] AND a.attname = 'org_id')
    """,
    "a function with its owner's rights whose names anybody could redirect": """
        SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace IN ('public'::regnamespace, 'app'::regnamespace,
          'app_private'::regnamespace) AND NOT EXISTS (SELECT FROM unnest(proconfig) s WHERE s LIKE 'search_path=%')
    """,
    "a function with its owner's rights that everybody may call": """
        SELECT proname FROM pg_proc p WHERE prosecdef AND pronamespace IN ('public'::regnamespace, 'app'::regnamespace,
          'app_private'::regnamespace) AND prorettype <> 'trigger'::regtype AND EXISTS (
          SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
    """,
}


@pytest.fixture
def catalogue(postgres, owner_url) -> Iterator[psycopg.Connection]:
    """The migrated database, as a superuser, in a transaction that is taken back."""
    dsn = postgres.superuser_dsn.replace("dbname=postgres", f"dbname={owner_url.database}")
    connection = psycopg.connect(dsn)
    yield connection
    connection.rollback()
    connection.close()


@pytest.mark.parametrize("rule", RULES)
def test_the_catalogue_names_nothing_that_is(rule, catalogue):
    assert [row[0] for row in catalogue.execute(RULES[rule])] == []


def test_there_is_something_to_ask_about(catalogue):
    tables = {row[1] for row in catalogue.execute(_TENANT)}

    assert {"users", "incidents", "events", "audit_entries", "jobs"} <= tables
    assert len(tables) > 40


def test_a_table_that_breaks_every_rule_is_named(catalogue):
    catalogue.execute(
        """
        CREATE TABLE public.bad (org_id uuid, id uuid PRIMARY KEY, user_org uuid, user_id uuid,
          FOREIGN KEY (user_org, user_id) REFERENCES users (org_id, id));
        GRANT ALL ON public.bad TO xdr_app;
        CREATE TABLE public.parts (org_id uuid, day date) PARTITION BY RANGE (day);
        CREATE TABLE public.part PARTITION OF public.parts FOR VALUES FROM ('2020-01-01') TO ('2020-01-02');
        GRANT SELECT ON public.part TO xdr_app;
        CREATE VIEW public.bad_view AS SELECT * FROM users;
        CREATE MATERIALIZED VIEW public.bad_copy AS SELECT * FROM users;
        CREATE FUNCTION app.bad() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
        ALTER FUNCTION app.bad() OWNER TO xdr_app;
        GRANT CREATE ON SCHEMA app TO xdr_app;
        GRANT xdr_owner TO xdr_app;
        ALTER ROLE xdr_app BYPASSRLS;
        """
    )

    silent = [rule for rule, asked in RULES.items() if not catalogue.execute(asked).fetchall()]

    assert silent == []
