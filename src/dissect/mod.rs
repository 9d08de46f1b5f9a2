//! What tshark dissects: the PDU feed it is given, its EK JSON read back. Push parsers without I/O of their own.
