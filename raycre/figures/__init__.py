"""Pictures and one HTML page from run folders; a file per figure family."""
