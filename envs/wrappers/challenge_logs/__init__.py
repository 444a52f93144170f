"""What happened under challenges: recorded, counted, drawn and told."""
