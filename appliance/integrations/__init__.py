"""One folder per vendor, each implementing ports that domains declare."""
