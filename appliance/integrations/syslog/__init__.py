"""Messages to the site's syslog servers."""
