"""The names of the themes. They are kept in settings, which are read before Textual is imported."""

DARK_NAME, LIGHT_NAME, TERMINAL_NAME = "vlmbench-dark", "vlmbench-light", "vlmbench-terminal"
CONTRAST_NAME = "vlmbench-contrast"
CYCLE = (DARK_NAME, LIGHT_NAME, CONTRAST_NAME, TERMINAL_NAME)
