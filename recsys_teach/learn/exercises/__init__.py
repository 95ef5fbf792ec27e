"""The exercises of each chapter, declared as data."""
