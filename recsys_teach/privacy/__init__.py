"""Attacks on what is published, and defenses. Built by hand in chapters 15 and 16.

Everything here is for learning: it is seeded, it computes in floating point, and nobody but this course has reviewed
it. What has to protect people comes from a kept library: OpenDP for noise, Opacus for training, dp-accounting for the
sums of ε, ``cryptography`` for ciphers. The tests hold what is here against those.
"""
