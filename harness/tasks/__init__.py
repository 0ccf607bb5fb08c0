"""Tasks: batches of environments stepped as arrays, a file or folder per family."""
