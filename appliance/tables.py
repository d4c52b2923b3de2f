"""Imports every domain's tables, so that one metadata knows them all (Alembic, foreign keys by name)."""

import appliance.audit.models
import appliance.detection.models
import appliance.foundation.models
import appliance.identity.factor_models
import appliance.identity.federation_models
import appliance.identity.governance_models
import appliance.identity.models
import appliance.incidents.models
import appliance.telemetry.models  # noqa: F401 — imported for what they register
from appliance.foundation.orm import Base

metadata = Base.metadata
