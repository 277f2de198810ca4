"""Files that are not as they should be: made, damaged, read by ffmpeg and by our client, and compared."""
