"""Holds smbreplay's datasets against tshark, a program that shares no code with it. See docs/witness.md."""
