"""OpenID Connect, our side: authorization code with PKCE, and an identity token checked in full."""
