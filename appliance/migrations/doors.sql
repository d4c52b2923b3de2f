-- The few narrow doors through the walls: definer functions that find out whose secret was presented
-- before anybody is inside an organisation, and the only DDL that runs after migration.
-- Each answers by an exact hash or name and returns identifiers only.

CREATE FUNCTION app.session_owner(hash bytea) RETURNS TABLE (org_id uuid, id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT s.org_id, s.id FROM sessions s WHERE s.token_hash = hash $$;

CREATE FUNCTION app.api_token_owner(hash bytea) RETURNS TABLE (org_id uuid, id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT t.org_id, t.id FROM api_tokens t WHERE t.token_hash = hash $$;

CREATE FUNCTION app.one_time_link_owner(hash bytea) RETURNS TABLE (org_id uuid, id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT l.org_id, l.id FROM one_time_links l WHERE l.token_hash = hash $$;

CREATE FUNCTION app.source_token_owner(hash bytea) RETURNS TABLE (org_id uuid, source_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT t.org_id, t.source_id FROM source_tokens t WHERE t.token_hash = hash AND t.revoked_at IS NULL $$;

CREATE FUNCTION app.listener_owner(name text) RETURNS TABLE (org_id uuid, source_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT s.org_id, s.id FROM sources s WHERE s.listener = name AND s.enabled $$;

CREATE FUNCTION app.user_owner(login text) RETURNS TABLE (org_id uuid, id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT u.org_id, u.id FROM users u WHERE u.email = login $$;

CREATE FUNCTION app.signin_wait(who bytea) RETURNS double precision
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT coalesce(max(greatest(0, extract(epoch FROM next_at - clock_timestamp()))), 0)
  FROM signin_delays WHERE subject = who $$;

-- Two failures are free; then 1, 2, 4 … seconds, 15 minutes at most; an hour of quiet forgives.
CREATE FUNCTION app.signin_failed(who bytea) RETURNS void
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public AS $$
  INSERT INTO signin_delays AS d (subject, failures, next_at) VALUES (who, 1, clock_timestamp())
  ON CONFLICT (subject) DO UPDATE SET
    failures = CASE WHEN d.next_at < clock_timestamp() - interval '1 hour' THEN 1 ELSE d.failures + 1 END,
    next_at = clock_timestamp() + CASE
      WHEN d.next_at < clock_timestamp() - interval '1 hour' OR d.failures < 2 THEN interval '0'
      ELSE make_interval(secs => least(900, power(2, least(d.failures - 2, 10)))) END $$;

CREATE FUNCTION app.signin_succeeded(who bytea) RETURNS void
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public AS $$
  DELETE FROM signin_delays WHERE subject = who $$;

-- Partitions of a day of receipt. Names come from the date alone.
CREATE FUNCTION app.ensure_day(day date) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public AS $$
DECLARE
  parent text;
BEGIN
  IF to_regclass(format('segments_%s', to_char(day, 'YYYYMMDD'))) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('app.ensure_day'));
  FOREACH parent IN ARRAY ARRAY['events', 'segment_columns', 'segments'] LOOP
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
      parent || '_' || to_char(day, 'YYYYMMDD'), parent, day, day + 1);
  END LOOP;
END $$;

CREATE FUNCTION app.drop_day(day date) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public AS $$
DECLARE
  parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['segments', 'segment_columns', 'events'] LOOP
    EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || to_char(day, 'YYYYMMDD'));
  END LOOP;
END $$;

-- Each day that is stored, and what it occupies on disk, in bytes.
CREATE FUNCTION app.days() RETURNS TABLE (day date, size_bytes bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT to_date(right(c.relname, 8), 'YYYYMMDD'), sum(pg_total_relation_size(c.oid))::bigint
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent IN ('segments'::regclass, 'segment_columns'::regclass, 'events'::regclass)
  GROUP BY 1 ORDER BY 1 $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA app FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO xdr_app, xdr_platform;
REVOKE EXECUTE ON FUNCTION app.drop_day(date) FROM xdr_app;
