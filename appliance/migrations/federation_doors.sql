-- More narrow doors through the walls (doors.sql): whose identity provider or provisioning token this is,
-- before anybody is inside. Names are told only of providers that an administrator shows to everybody.

CREATE FUNCTION app.provider_owner(provider uuid) RETURNS TABLE (org_id uuid, id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT p.org_id, p.id FROM identity_providers p WHERE p.id = provider AND p.enabled $$;

CREATE FUNCTION app.scim_owner(hash bytea) RETURNS TABLE (org_id uuid, id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT p.org_id, p.id FROM identity_providers p WHERE p.scim_token_hash = hash AND p.enabled $$;

CREATE FUNCTION app.offered_providers() RETURNS TABLE (id uuid, name text, kind text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT p.id, p.name, p.kind FROM identity_providers p
  WHERE p.enabled AND p.shown AND p.kind <> 'ldap' ORDER BY p.name, p.id LIMIT 50 $$;

CREATE FUNCTION app.password_directories() RETURNS TABLE (org_id uuid, id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT p.org_id, p.id FROM identity_providers p WHERE p.enabled AND p.kind = 'ldap' ORDER BY p.name, p.id $$;

REVOKE ALL ON FUNCTION app.provider_owner(uuid), app.scim_owner(bytea), app.offered_providers(),
  app.password_directories() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.provider_owner(uuid), app.scim_owner(bytea), app.offered_providers(),
  app.password_directories() TO xdr_app, xdr_platform;
