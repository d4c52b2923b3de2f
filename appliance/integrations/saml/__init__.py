"""SAML 2.0, our side: python3-saml, and everything it leaves open shut."""
