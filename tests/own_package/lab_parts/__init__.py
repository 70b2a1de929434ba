"""One part of each kind that raycre takes from other packages."""
