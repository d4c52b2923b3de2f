"""HTTP to whatever the site runs: chat, ticketing, on-call."""
