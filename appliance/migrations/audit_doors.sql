-- Whoever stores a segment of events, its arrival is noted for the sealer: by the table, not by the caller.
CREATE FUNCTION app_private.note_segment() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_segment_arrivals (org_id, id, received_day) VALUES (NEW.org_id, NEW.id, NEW.received_day)
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

CREATE TRIGGER noted AFTER INSERT ON segments FOR EACH ROW EXECUTE FUNCTION app_private.note_segment();

-- What was stored before there was a sealer is sealed by the first one.
INSERT INTO audit_segment_arrivals (org_id, id, received_day)
  SELECT org_id, id, received_day FROM segments ON CONFLICT DO NOTHING;
