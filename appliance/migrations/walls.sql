-- Walls between organisations. A scope is a claim "org|backend pid" under an HMAC whose key only the
-- owner can read; app.org() verifies it each time it is asked. SQL injected into the application can
-- set the variable but cannot sign it, and a claim seen on one connection is worthless on another.

CREATE SCHEMA app;
CREATE SCHEMA app_private;
REVOKE ALL ON SCHEMA app_private FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA app, public TO xdr_app, xdr_platform;

CREATE TABLE app_private.scope_key (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  inner_pad bytea NOT NULL CHECK (length(inner_pad) = 64),
  outer_pad bytea NOT NULL CHECK (length(outer_pad) = 64)
);

-- RFC 2104 over the built-in sha256, the pads being precomputed.
CREATE FUNCTION app_private.mac(message text) RETURNS text
  LANGUAGE sql STABLE STRICT AS $$
  SELECT encode(sha256(outer_pad || sha256(inner_pad || convert_to(message, 'UTF8'))), 'hex')
  FROM app_private.scope_key $$;

-- PARALLEL RESTRICTED: a parallel worker has another process id, so the leader must ask.
CREATE FUNCTION app.org() RETURNS uuid
  LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED SET search_path = pg_catalog AS $$
DECLARE
  token text := current_setting('app.scope', true);
  claim text;
BEGIN
  IF token IS NULL OR token = '' THEN RETURN NULL; END IF;
  claim := split_part(token, '|', 1) || '|' || split_part(token, '|', 2);
  IF split_part(token, '|', 2) <> pg_backend_pid()::text
     OR split_part(token, '|', 3) IS DISTINCT FROM app_private.mac(claim) THEN
    RAISE insufficient_privilege USING MESSAGE = 'the scope is not signed for this connection';
  END IF;
  RETURN split_part(token, '|', 1)::uuid;
END $$;

CREATE FUNCTION app.enter(token text) RETURNS uuid
  LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog AS $$
BEGIN
  PERFORM set_config('app.scope', token, true);
  RETURN app.org();
END $$;

-- For feeds (foundation/feed.py): the transaction that wrote a row, and the horizon below which every
-- transaction has ended.
CREATE FUNCTION app.tx() RETURNS bigint
  LANGUAGE sql VOLATILE AS $$ SELECT pg_current_xact_id()::text::bigint $$;
CREATE FUNCTION app.horizon() RETURNS bigint
  LANGUAGE sql STABLE PARALLEL RESTRICTED AS $$
  SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint $$;

-- One wall like every other: the application role sees its organisation, the platform role sees all.
CREATE FUNCTION app_private.wall(relation regclass, column_name text DEFAULT 'org_id') RETURNS void
  LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', relation);
  EXECUTE format('CREATE POLICY tenant ON %s TO xdr_app USING (%I = (SELECT app.org()))', relation, column_name);
  EXECUTE format('CREATE POLICY platform ON %s TO xdr_platform USING (true)', relation);
  -- The owner runs definer functions (partitions, look-ups before sign-in); FORCE binds it as well.
  EXECUTE format('CREATE POLICY owner ON %s TO xdr_owner USING (true)', relation);
END $$;
