"""Compare the speed, memory and accuracy of the course's models with those of widely used libraries."""
