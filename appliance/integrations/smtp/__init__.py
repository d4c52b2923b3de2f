"""The site's mail relay, by SMTP."""
