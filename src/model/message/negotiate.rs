//! NEGOTIATE, [MS-SMB2] 2.2.3 and 2.2.4.

use crate::model::dialect::Dialect;
use crate::model::layout::{Layout, Malformed};

/// [MS-SMB2] 2.2.3
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiateRequest<'a> {
    pub security_mode: u16,
    pub capabilities: u32,
    pub client_guid: [u8; 16],
    pub dialects: Vec<Dialect>,
    /// Empty unless 3.1.1 is offered.
    pub contexts: NegotiateContexts<'a>,
}

/// [MS-SMB2] 2.2.4
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiateResponse<'a> {
    pub security_mode: u16,
    pub dialect: Dialect,
    pub server_guid: [u8; 16],
    pub capabilities: u32,
    pub max_transact_size: u32,
    pub max_read_size: u32,
    pub max_write_size: u32,
    pub system_time: u64,
    pub server_start_time: u64,
    pub security_buffer: &'a [u8],
    /// Empty unless 3.1.1 was chosen.
    pub contexts: NegotiateContexts<'a>,
}

/// One NEGOTIATE_CONTEXT, [MS-SMB2] 2.2.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiateContext<'a> {
    pub context_type: u16,
    pub data: &'a [u8],
}

impl<'a> NegotiateContext<'a> {
    /// The ciphers of ENCRYPTION_CAPABILITIES and the algorithms of SIGNING_CAPABILITIES, which begin with their count.
    pub fn algorithms(self) -> impl Iterator<Item = u16> + use<'a> {
        let layout = Layout(self.data);
        let count = usize::from(layout.u16("Count", 0).unwrap_or(0));
        (0..count).map_while(move |at| layout.u16("Algorithm", 2 + 2 * at).ok())
    }

    pub const PREAUTH_INTEGRITY_CAPABILITIES: u16 = 1;
    pub const ENCRYPTION_CAPABILITIES: u16 = 2;
    pub const COMPRESSION_CAPABILITIES: u16 = 3;
    pub const NETNAME_NEGOTIATE_CONTEXT_ID: u16 = 5;
    pub const TRANSPORT_CAPABILITIES: u16 = 6;
    pub const RDMA_TRANSFORM_CAPABILITIES: u16 = 7;
    pub const SIGNING_CAPABILITIES: u16 = 8;
}

/// The list of contexts, as it travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NegotiateContexts<'a> {
    count: u16,
    bytes: &'a [u8],
}

impl<'a> NegotiateContexts<'a> {
    /// Iterates over the contexts; ends at the first that does not fit.
    pub fn iter(self) -> impl Iterator<Item = NegotiateContext<'a>> {
        let mut rest = self.bytes;
        (0..self.count).map_while(move |_| {
            let layout = Layout(rest);
            let context_type = layout.u16("ContextType", 0).ok()?;
            let length = usize::from(layout.u16("DataLength", 2).ok()?);
            let data = layout.bytes("Data", 8, length).ok()?;
            rest = rest.get((8 + length).next_multiple_of(8)..).unwrap_or_default();
            Some(NegotiateContext { context_type, data })
        })
    }

    /// The first context of a type.
    pub fn find(self, context_type: u16) -> Option<NegotiateContext<'a>> {
        self.iter().find(|context| context.context_type == context_type)
    }

    fn decode(layout: Layout<'a>, offset: usize, count: u16) -> Result<Self, Malformed> {
        if count == 0 {
            return Ok(Self::default());
        }
        match layout.0.get(offset..) {
            Some(bytes) if offset >= 64 => Ok(Self { count, bytes }),
            _ => Err(layout.malformed("NegotiateContextOffset", offset)),
        }
    }
}

impl<'a> NegotiateRequest<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let count = usize::from(layout.u16("DialectCount", 66)?);
        let list = layout.bytes("Dialects", 100, count * 2)?;
        let dialects: Vec<_> =
            list.chunks_exact(2).map(|pair| Dialect(u16::from_le_bytes([pair[0], pair[1]]))).collect();
        let contexts = if dialects.contains(&Dialect::SMB3_1_1) {
            let offset = layout.u32("NegotiateContextOffset", 92)? as usize;
            NegotiateContexts::decode(layout, offset, layout.u16("NegotiateContextCount", 96)?)?
        } else {
            NegotiateContexts::default()
        };
        Ok(Self {
            security_mode: layout.u16("SecurityMode", 68)?,
            capabilities: layout.u32("Capabilities", 72)?,
            client_guid: layout.array("ClientGuid", 76)?,
            dialects,
            contexts,
        })
    }
}

impl<'a> NegotiateResponse<'a> {
    pub fn decode(pdu: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(pdu);
        let dialect = Dialect(layout.u16("DialectRevision", 68)?);
        let contexts = if dialect == Dialect::SMB3_1_1 {
            let offset = layout.u32("NegotiateContextOffset", 124)? as usize;
            NegotiateContexts::decode(layout, offset, layout.u16("NegotiateContextCount", 70)?)?
        } else {
            NegotiateContexts::default()
        };
        let length = usize::from(layout.u16("SecurityBufferLength", 122)?);
        Ok(Self {
            security_mode: layout.u16("SecurityMode", 66)?,
            dialect,
            server_guid: layout.array("ServerGuid", 72)?,
            capabilities: layout.u32("Capabilities", 88)?,
            max_transact_size: layout.u32("MaxTransactSize", 92)?,
            max_read_size: layout.u32("MaxReadSize", 96)?,
            max_write_size: layout.u32("MaxWriteSize", 100)?,
            system_time: layout.u64("SystemTime", 104)?,
            server_start_time: layout.u64("ServerStartTime", 112)?,
            security_buffer: layout.bytes(
                "SecurityBuffer",
                usize::from(layout.u16("SecurityBufferOffset", 120)?),
                length,
            )?,
            contexts,
        })
    }
}

/// Writes the body of a NEGOTIATE request. The contexts are sent only when 3.1.1 is among the dialects.
pub fn encode_negotiate_request(
    out: &mut Vec<u8>,
    security_mode: u16,
    capabilities: u32,
    client_guid: [u8; 16],
    dialects: &[Dialect],
    contexts: &[NegotiateContext<'_>],
) {
    let with_contexts = dialects.contains(&Dialect::SMB3_1_1);
    out.extend_from_slice(&36u16.to_le_bytes());
    out.extend_from_slice(&(dialects.len() as u16).to_le_bytes());
    out.extend_from_slice(&security_mode.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&capabilities.to_le_bytes());
    out.extend_from_slice(&client_guid);
    let contexts_at = (100 + dialects.len() * 2).next_multiple_of(8);
    let (offset, count) = if with_contexts { (contexts_at as u32, contexts.len() as u16) } else { (0, 0) };
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    for dialect in dialects {
        out.extend_from_slice(&dialect.0.to_le_bytes());
    }
    if with_contexts {
        let mut position = 100 + dialects.len() * 2;
        for context in contexts {
            out.resize(out.len() + position.next_multiple_of(8) - position, 0);
            out.extend_from_slice(&context.context_type.to_le_bytes());
            out.extend_from_slice(&(context.data.len() as u16).to_le_bytes());
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(context.data);
            position = position.next_multiple_of(8) + 8 + context.data.len();
        }
    }
}
