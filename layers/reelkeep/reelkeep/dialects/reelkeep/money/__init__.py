"""What tasks cost."""
