"""The helper package of the course: small, tested, and built by hand in the chapters first."""
