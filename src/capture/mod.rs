//! Capture file to raw PDUs: packet reader, link layers, flows, TCP reassembly, NetBIOS frames. Imports `model` only.
