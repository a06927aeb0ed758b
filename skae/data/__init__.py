"""Rows and their weights, and the sums that are taken of them; knows no network."""
