"""CREATE's inputs from what a lab has: labels, candidates and background, as functions of tables."""
