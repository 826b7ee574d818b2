"""From a provider's link into the bucket: opened, read on through cuts, checked, and visible only when whole."""
