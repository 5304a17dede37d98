//! Compares two outcomes of the same command.
