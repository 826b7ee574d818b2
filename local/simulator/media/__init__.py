"""The media: made at first demand, and handed out at links that die."""
