"""What recipes are written in: expressions, patterns of names, and what they may ask about a tensor."""
