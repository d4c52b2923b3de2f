-- More narrow doors through the walls (doors.sql): whose half-done sign-in or refresh token was presented,
-- and the count of attempts, which must be exact over all nodes and parallel requests.

CREATE FUNCTION app.pending_owner(hash bytea) RETURNS TABLE (org_id uuid, id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT p.org_id, p.id FROM pending_sign_ins p WHERE p.token_hash = hash $$;

CREATE FUNCTION app.refresh_owner(hash bytea) RETURNS TABLE (org_id uuid, id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT r.org_id, r.id FROM refresh_tokens r WHERE r.token_hash = hash $$;

-- Counts an attempt as a failure before it is made (success takes it back), so that attempts sent at once
-- cannot all be judged by the same old count. Answers the seconds to wait, or 0: go on.
-- `free` failures cost nothing; then 1, 2, 4 … seconds, 15 minutes at most; an hour of quiet forgives.
-- A profile may ask for a fixed wait after so many failures (PCI DSS 8.3.4); 0 asks for none.
CREATE FUNCTION app.signin_attempt(who bytea, free int, lock_after int, lock_seconds int)
  RETURNS double precision
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  held signin_delays;
  count int;
BEGIN
  INSERT INTO signin_delays (subject, failures, next_at) VALUES (who, 0, now_at) ON CONFLICT DO NOTHING;
  SELECT * INTO held FROM signin_delays WHERE subject = who FOR UPDATE;
  now_at := clock_timestamp();
  IF held.next_at > now_at THEN RETURN extract(epoch FROM held.next_at - now_at); END IF;
  count := CASE WHEN held.next_at < now_at - interval '1 hour' THEN 1 ELSE held.failures + 1 END;
  UPDATE signin_delays SET failures = count, next_at = now_at + CASE
    WHEN lock_after > 0 AND count >= lock_after THEN make_interval(secs => lock_seconds)
    WHEN count <= free THEN interval '0'
    ELSE make_interval(secs => least(900, power(2, least(count - free - 1, 10)))) END
  WHERE subject = who;
  RETURN 0;
END $$;

-- Takes one attempt back: it was right. What others failed at from the same address stays counted.
CREATE FUNCTION app.signin_undo(who bytea) RETURNS void
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public AS $$
  UPDATE signin_delays SET failures = greatest(0, failures - 1), next_at = least(next_at, clock_timestamp())
  WHERE subject = who $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA app FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.pending_owner(bytea), app.refresh_owner(bytea),
  app.signin_attempt(bytea, int, int, int), app.signin_undo(bytea) TO xdr_app, xdr_platform;
