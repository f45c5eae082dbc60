"""Models beside each other: win rates, leaderboards, and what is held alike between them."""
