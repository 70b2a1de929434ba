"""What `import raycre` gives to Python."""
