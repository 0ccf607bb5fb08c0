"""The paper's GridMaze (SI B)."""
