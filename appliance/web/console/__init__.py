"""The few pages that work without JavaScript: sign-in, first boot, maintenance, recovery, status."""
