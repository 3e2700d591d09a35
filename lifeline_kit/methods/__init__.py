"""Numerics that know no lifeline."""
