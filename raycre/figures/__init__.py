"""Pictures and one HTML page from run folders; a file per figure family. Knows files, no model and no Ray."""
