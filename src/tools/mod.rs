//! tshark, capinfos and pcapfix: found here, spawned here and nowhere else. Imports nothing of the crate.
