"""Views of a rendering: terminal, browser and JSON. Every view reads the same mask and trace."""
