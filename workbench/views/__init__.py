"""What a rendering looks like: terminal, browser and JSON. Every view reads the same mask and trace."""
