"""The objective, what it takes, and the loop that trains a student with it."""
