"""Logs of episodes under challenges, and their statistics."""
