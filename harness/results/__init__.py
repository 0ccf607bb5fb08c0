"""Results: what was found, as it is kept, compared and registered."""
