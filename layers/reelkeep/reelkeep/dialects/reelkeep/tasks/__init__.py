"""Tasks: submitted, listed, shown, cancelled."""
