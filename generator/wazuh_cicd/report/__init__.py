"""Results as terminal text, JSON, SARIF, JUnit, GitHub annotations or HTML."""
