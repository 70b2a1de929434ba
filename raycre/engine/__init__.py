"""Where work runs. The only part of raycre that imports ray."""
