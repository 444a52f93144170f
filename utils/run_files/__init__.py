"""What lies in a run folder, part by part; `utils.runs` puts them together."""
