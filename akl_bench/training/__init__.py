"""The objective, the teacher's states, and the loop that trains a student with them."""
