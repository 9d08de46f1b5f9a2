//! OPLOCK_BREAK: notification, acknowledgement and response, for oplocks and leases, [MS-SMB2] 2.2.23 – 2.2.25.

use crate::model::ids::FileId;
use crate::model::layout::{Layout, Malformed};

/// All the bodies of the command; `StructureSize` tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OplockBreak {
    /// Notification, acknowledgement and response of an oplock, [MS-SMB2] 2.2.23.1, 2.2.24.1, 2.2.25.1.
    Oplock { oplock_level: u8, file_id: FileId },
    /// Lease break notification, [MS-SMB2] 2.2.23.2.
    LeaseNotification {
        new_epoch: u16,
        flags: u32,
        lease_key: [u8; 16],
        current_lease_state: u32,
        new_lease_state: u32,
    },
    /// Lease break acknowledgement and response, [MS-SMB2] 2.2.24.2, 2.2.25.2.
    Lease { flags: u32, lease_key: [u8; 16], lease_state: u32 },
}

impl OplockBreak {
    /// SMB2_NOTIFY_BREAK_LEASE_FLAG_ACK_REQUIRED
    pub const ACK_REQUIRED: u32 = 1;

    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        match layout.u16("StructureSize", 64)? {
            24 => Ok(Self::Oplock { oplock_level: layout.u8("OplockLevel", 66)?, file_id: layout.file_id(72)? }),
            44 => Ok(Self::LeaseNotification {
                new_epoch: layout.u16("NewEpoch", 66)?,
                flags: layout.u32("Flags", 68)?,
                lease_key: layout.array("LeaseKey", 72)?,
                current_lease_state: layout.u32("CurrentLeaseState", 88)?,
                new_lease_state: layout.u32("NewLeaseState", 92)?,
            }),
            36 => Ok(Self::Lease {
                flags: layout.u32("Flags", 68)?,
                lease_key: layout.array("LeaseKey", 72)?,
                lease_state: layout.u32("LeaseState", 88)?,
            }),
            _ => Err(layout.malformed("StructureSize", 64)),
        }
    }

    /// The open that an oplock break is about; a lease break names a key instead.
    pub fn file_id(&self) -> Option<FileId> {
        match self {
            Self::Oplock { file_id, .. } => Some(*file_id),
            Self::LeaseNotification { .. } | Self::Lease { .. } => None,
        }
    }
}
