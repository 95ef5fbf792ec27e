"""Attacks on published data and models, and defenses. Built by hand in chapters 15 and 16.

This package is for learning: it is seeded, it computes in floating point, and only this course has reviewed it. To
protect people, use a maintained library: OpenDP for noise, Opacus for training, dp-accounting for composition, and
``cryptography`` for ciphers. The tests compare this package with those libraries.
"""
