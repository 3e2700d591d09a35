"""The shapes that cross a stage border, checked once, trusted inside."""
