-- Run by a superuser in the product's database before the first migration, and safe to run again.

-- The application owns nothing and no role passes row-level security.
ALTER ROLE xdr_owner NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
ALTER ROLE xdr_app NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
ALTER ROLE xdr_platform NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;

-- Without the mark no trigram or array index is used on a table that has a policy. These functions
-- read only their arguments and put none of them into an error message, so running them before the
-- policy tells nobody anything (docs/decisions/0004-leakproof-operators.md).
ALTER FUNCTION pg_catalog.texticlike(text, text) LEAKPROOF;
ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF;
ALTER FUNCTION pg_catalog.arraycontains(anyarray, anyarray) LEAKPROOF;
ALTER FUNCTION pg_catalog.arrayoverlap(anyarray, anyarray) LEAKPROOF;

CREATE EXTENSION IF NOT EXISTS pg_trgm;
