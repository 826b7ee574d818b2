"""Reelkeep: sees video-generation tasks through and keeps what they make, for ever."""
