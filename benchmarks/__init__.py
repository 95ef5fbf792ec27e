"""Speed, memory and accuracy of the course's models beside the libraries people would otherwise use."""
