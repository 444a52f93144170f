"""A live viewer in the browser: one thread steps the environment, and the page sends commands to it."""
