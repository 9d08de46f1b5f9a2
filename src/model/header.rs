//! The SMB2 packet header, [MS-SMB2] 2.2.1.

use super::command::Command;
use super::ids::{AsyncId, MessageId, SessionId, TreeId};
use super::layout::{Layout, Malformed};
use super::nt_status::NtStatus;

/// `ProtocolId` of a plain PDU: `FE 'SMB'`.
pub const PROTOCOL_PLAIN: [u8; 4] = *b"\xFESMB";
/// `ProtocolId` of a transform header (sealed), [MS-SMB2] 2.2.41: `FD 'SMB'`.
pub const PROTOCOL_SEALED: [u8; 4] = *b"\xFDSMB";
/// `ProtocolId` of a compression transform header, [MS-SMB2] 2.2.42: `FC 'SMB'`.
pub const PROTOCOL_COMPRESSED: [u8; 4] = *b"\xFCSMB";
/// `ProtocolId` of SMB1, [MS-CIFS] 2.2.3.1: `FF 'SMB'`.
pub const PROTOCOL_SMB1: [u8; 4] = *b"\xFFSMB";

/// The header's length in bytes, its `StructureSize`.
pub const HEADER_LENGTH: usize = 64;

/// Where the fields of the header stand, for those who patch one in place.
pub mod offset {
    #![allow(missing_docs)]
    pub const CREDIT_CHARGE: usize = 6;
    pub const STATUS: usize = 8;
    pub const COMMAND: usize = 12;
    pub const CREDITS: usize = 14;
    pub const FLAGS: usize = 16;
    pub const NEXT_COMMAND: usize = 20;
    pub const MESSAGE_ID: usize = 24;
    pub const ASYNC_ID: usize = 32;
    pub const TREE_ID: usize = 36;
    pub const SESSION_ID: usize = 40;
    pub const SIGNATURE: usize = 48;
}

/// `Flags` of the header. Bits the specification does not know are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderFlags(pub u32);

impl HeaderFlags {
    /// SMB2_FLAGS_SERVER_TO_REDIR: a response.
    pub const SERVER_TO_REDIR: u32 = 0x0000_0001;
    /// SMB2_FLAGS_ASYNC_COMMAND: the header is asynchronous.
    pub const ASYNC_COMMAND: u32 = 0x0000_0002;
    /// SMB2_FLAGS_RELATED_OPERATIONS: ids come from the PDU before.
    pub const RELATED_OPERATIONS: u32 = 0x0000_0004;
    /// SMB2_FLAGS_SIGNED.
    pub const SIGNED: u32 = 0x0000_0008;
    /// SMB2_FLAGS_DFS_OPERATIONS.
    pub const DFS_OPERATIONS: u32 = 0x1000_0000;
    /// SMB2_FLAGS_REPLAY_OPERATION.
    pub const REPLAY_OPERATION: u32 = 0x2000_0000;

    /// Whether the PDU is a response.
    pub fn is_response(self) -> bool {
        self.0 & Self::SERVER_TO_REDIR != 0
    }

    /// Whether the header is asynchronous.
    pub fn is_async(self) -> bool {
        self.0 & Self::ASYNC_COMMAND != 0
    }

    /// Whether ids come from the PDU before in the chain.
    pub fn is_related(self) -> bool {
        self.0 & Self::RELATED_OPERATIONS != 0
    }

    /// Whether the PDU says it is signed.
    pub fn is_signed(self) -> bool {
        self.0 & Self::SIGNED != 0
    }
}

/// A decoded header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// `CreditCharge`; reserved and 0 in SMB 2.0.2.
    pub credit_charge: u16,
    /// `Status` of a response; in a request `ChannelSequence` and two reserved bytes.
    pub status: NtStatus,
    /// `Command`
    pub command: Command,
    /// `CreditRequest` or `CreditResponse`
    pub credits: u16,
    /// `Flags`
    pub flags: HeaderFlags,
    /// `NextCommand`: bytes from this header to the next one of the chain, 0 for the last.
    pub next_command: u32,
    /// `MessageId`
    pub message_id: MessageId,
    /// `AsyncId` of an asynchronous header.
    pub async_id: Option<AsyncId>,
    /// `TreeId` of a synchronous header.
    pub tree_id: Option<TreeId>,
    /// `SessionId`
    pub session_id: SessionId,
    /// `Signature`
    pub signature: [u8; 16],
}

impl Header {
    /// Reads the first 64 bytes of a PDU. Fails when there are fewer, or another `ProtocolId` stands there.
    pub fn decode(pdu: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let Some(bytes) = pdu.first_chunk::<HEADER_LENGTH>() else {
            return Err(layout.malformed("SMB2 header", 0));
        };
        if bytes[..4] != PROTOCOL_PLAIN {
            return Err(layout.malformed("ProtocolId", 0));
        }
        let flags = HeaderFlags(layout.u32("Flags", offset::FLAGS)?);
        Ok(Self {
            credit_charge: layout.u16("CreditCharge", offset::CREDIT_CHARGE)?,
            status: NtStatus(layout.u32("Status", offset::STATUS)?),
            command: Command::from_code(layout.u16("Command", offset::COMMAND)?),
            credits: layout.u16("CreditRequest", offset::CREDITS)?,
            flags,
            next_command: layout.u32("NextCommand", offset::NEXT_COMMAND)?,
            message_id: MessageId(layout.u64("MessageId", offset::MESSAGE_ID)?),
            async_id: flags.is_async().then(|| layout.u64("AsyncId", offset::ASYNC_ID).map(AsyncId)).transpose()?,
            tree_id: (!flags.is_async()).then(|| layout.u32("TreeId", offset::TREE_ID).map(TreeId)).transpose()?,
            session_id: SessionId(layout.u64("SessionId", offset::SESSION_ID)?),
            signature: layout.array("Signature", offset::SIGNATURE)?,
        })
    }

    /// `ChannelSequence` of a request, [MS-SMB2] 2.2.1.2 (SMB 3.x).
    pub fn channel_sequence(&self) -> u16 {
        (self.status.0 & 0xFFFF) as u16
    }

    /// Writes the 64 bytes. `Reserved` of a synchronous header is 0.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&PROTOCOL_PLAIN);
        out.extend_from_slice(&(HEADER_LENGTH as u16).to_le_bytes());
        out.extend_from_slice(&self.credit_charge.to_le_bytes());
        out.extend_from_slice(&self.status.0.to_le_bytes());
        out.extend_from_slice(&self.command.code().to_le_bytes());
        out.extend_from_slice(&self.credits.to_le_bytes());
        out.extend_from_slice(&self.flags.0.to_le_bytes());
        out.extend_from_slice(&self.next_command.to_le_bytes());
        out.extend_from_slice(&self.message_id.0.to_le_bytes());
        match self.async_id {
            Some(id) => out.extend_from_slice(&id.0.to_le_bytes()),
            None => {
                out.extend_from_slice(&[0; 4]);
                out.extend_from_slice(&self.tree_id.unwrap_or_default().0.to_le_bytes());
            }
        }
        out.extend_from_slice(&self.session_id.0.to_le_bytes());
        out.extend_from_slice(&self.signature);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_header_survives_encoding(
            numbers: (u16, u32, u16, u16, u32, u32, u64, u64, u64), signature: [u8; 16],
        ) {
            let (credit_charge, status, command, credits, flags, next_command, message_id, tail, session_id) = numbers;
            let flags = HeaderFlags(flags);
            let header = Header {
                credit_charge,
                status: NtStatus(status),
                command: Command::from_code(command),
                credits,
                flags,
                next_command,
                message_id: MessageId(message_id),
                async_id: flags.is_async().then_some(AsyncId(tail)),
                tree_id: (!flags.is_async()).then_some(TreeId(tail as u32)),
                session_id: SessionId(session_id),
                signature,
            };
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            prop_assert_eq!(Header::decode(&bytes), Ok(header));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Header::decode(&bytes);
        }
    }
}
