"""The WhatsApp Cloud API as graph.facebook.com behaves (Graph v23, identities of 2026)."""
