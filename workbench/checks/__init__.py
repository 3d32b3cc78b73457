"""The linter: each check looks at one thing and gives findings with a stable code."""
