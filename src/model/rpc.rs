//! DCE/RPC as it travels on named pipes: which interface a bind names, which operation a request calls. C706 12.6, [MS-RPCE] 2.2.2.

use std::borrow::Cow;
use std::fmt;

use super::rpc_names::INTERFACES;

/// An interface: its UUID and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RpcInterface {
    /// As it stands in the UUID's text: first three parts big-endian.
    pub uuid: u128,
    /// The major version.
    pub version: u16,
}

impl RpcInterface {
    /// What it is known as: `srvsvc`, `samr` …
    pub fn name(self) -> Option<&'static str> {
        INTERFACES.iter().find(|known| known.uuid == self.uuid).map(|known| known.name)
    }

    /// The name of an operation in the specification of the interface.
    pub fn operation_name(self, opnum: u16) -> Option<&'static str> {
        let known = INTERFACES.iter().find(|known| known.uuid == self.uuid)?;
        known.operations.binary_search_by_key(&opnum, |(number, _)| *number).ok().map(|at| known.operations[at].1)
    }
}

impl fmt::Display for RpcInterface {
    /// Its name; its UUID when it has none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => {
                let hex = format!("{:032x}", self.uuid);
                let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
                f.pad(&parts.join("-"))
            }
        }
    }
}

/// What a client asks on a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcCall {
    /// It binds to an interface; of several to the first.
    Bind(RpcInterface),
    /// It calls an operation.
    Request {
        /// The interface; None when its bind is not in the capture.
        interface: Option<RpcInterface>,
        /// The number of the operation in it.
        opnum: u16,
    },
}

impl RpcCall {
    /// The interface, as far as it is known.
    pub fn interface(self) -> Option<RpcInterface> {
        match self {
            Self::Bind(interface) => Some(interface),
            Self::Request { interface, .. } => interface,
        }
    }

    /// The number of the operation; None for a bind.
    pub fn opnum(self) -> Option<u16> {
        match self {
            Self::Bind(_) => None,
            Self::Request { opnum, .. } => Some(opnum),
        }
    }

    /// What the operation is called: `bind`; `opnum 7` where neither interface nor number have a name.
    pub fn operation(self) -> Cow<'static, str> {
        match self {
            Self::Bind(_) => Cow::Borrowed("bind"),
            Self::Request { interface, opnum } => match interface.and_then(|it| it.operation_name(opnum)) {
                Some(name) => Cow::Borrowed(name),
                None => Cow::Owned(format!("opnum {opnum}")),
            },
        }
    }
}

/// A PDU of a client, as far as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpcPdu {
    /// `bind` or `alter_context`: presentation contexts by their ids.
    Bind(Vec<(u16, RpcInterface)>),
    /// `request`.
    Request {
        /// The presentation context.
        context: u16,
        /// The operation.
        opnum: u16,
    },
}

const VERSION: u8 = 5;
const REQUEST: u8 = 0;
const BIND: u8 = 11;
const ALTER_CONTEXT: u8 = 14;
const HEADER: usize = 16;
/// Beyond so many a bind is read no further.
const MOST_CONTEXTS: usize = 16;

impl RpcPdu {
    /// Reads the first PDU of what was written to a pipe; None for everything that is no bind or request of a client.
    pub fn of_client(data: &[u8]) -> Option<Self> {
        let [version, minor, kind, ..] = *data.get(..HEADER)? else { return None };
        let little = data[4] & 0xF0 == 0x10;
        let u16_at = |at: usize| {
            let bytes: [u8; 2] = data.get(at..at + 2)?.try_into().ok()?;
            Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
        };
        if version != VERSION || minor > 1 || usize::from(u16_at(8)?) < HEADER {
            return None;
        }
        match kind {
            REQUEST => Some(Self::Request { context: u16_at(20)?, opnum: u16_at(22)? }),
            BIND | ALTER_CONTEXT => {
                let count = usize::from(*data.get(24)?).min(MOST_CONTEXTS);
                let mut contexts = Vec::with_capacity(count);
                let mut at = 28;
                for _ in 0..count {
                    let (Some(id), Some(syntaxes), Some(uuid), Some(version)) =
                        (u16_at(at), data.get(at + 2), data.get(at + 4..at + 20), u16_at(at + 20))
                    else {
                        break;
                    };
                    contexts.push((id, RpcInterface { uuid: uuid_of(uuid, little), version }));
                    at += 24 + usize::from(*syntaxes) * 20;
                }
                (!contexts.is_empty()).then_some(Self::Bind(contexts))
            }
            _ => None,
        }
    }
}

/// A UUID of 16 bytes, whose first three parts are numbers in the sender's byte order.
fn uuid_of(bytes: &[u8], little: bool) -> u128 {
    let mut ordered = [0; 16];
    ordered.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    if little {
        ordered[..4].reverse();
        ordered[4..6].reverse();
        ordered[6..8].reverse();
    }
    u128::from_be_bytes(ordered)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SRVSVC: RpcInterface = RpcInterface { uuid: 0x4b324fc8_1670_01d3_1278_5a47bf6ee188, version: 3 };

    /// A bind of srvsvc with two transfer syntaxes, and a second context of an interface that nobody knows.
    fn bind(little: bool) -> Vec<u8> {
        let mut pdu = vec![5, 0, BIND, 3, if little { 0x10 } else { 0 }, 0, 0, 0];
        let number = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        pdu.extend(number(120));
        pdu.extend([0; 14]);
        pdu.extend([2, 0, 0, 0]);
        for (id, uuid, version, syntaxes) in [(0, SRVSVC.uuid, 3, 2), (1, 7, 1, 1)] {
            pdu.extend(number(id));
            pdu.extend([syntaxes, 0]);
            let mut bytes = u128::to_be_bytes(uuid);
            if little {
                bytes[..4].reverse();
                bytes[4..6].reverse();
                bytes[6..8].reverse();
            }
            pdu.extend(bytes);
            pdu.extend(number(version));
            pdu.extend([0; 2]);
            pdu.extend(vec![0; usize::from(syntaxes) * 20]);
        }
        pdu
    }

    #[test]
    fn a_bind_names_its_interfaces_in_either_byte_order() {
        for little in [true, false] {
            let Some(RpcPdu::Bind(contexts)) = RpcPdu::of_client(&bind(little)) else { panic!("a bind") };
            assert_eq!(contexts, [(0, SRVSVC), (1, RpcInterface { uuid: 7, version: 1 })]);
        }
        assert_eq!(SRVSVC.to_string(), "srvsvc");
        assert_eq!(RpcInterface { uuid: 7, version: 1 }.to_string(), "00000000-0000-0000-0000-000000000007");
    }

    #[test]
    fn a_request_names_its_operation() {
        let mut pdu = vec![5, 0, REQUEST, 3, 0x10, 0, 0, 0, 24, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 15, 0];
        assert_eq!(RpcPdu::of_client(&pdu), Some(RpcPdu::Request { context: 1, opnum: 15 }));
        assert_eq!(SRVSVC.operation_name(15), Some("NetrShareEnum"));
        let call = RpcCall::Request { interface: None, opnum: 15 };
        assert_eq!(call.operation(), "opnum 15");
        pdu.truncate(23);
        assert_eq!(RpcPdu::of_client(&pdu), None);
        pdu[2] = 2;
        assert_eq!(RpcPdu::of_client(&pdu), None, "a response is none of the client's");
    }

    #[test]
    fn the_tables_are_sorted_and_name_each_interface_once() {
        for interface in INTERFACES {
            assert!(interface.operations.windows(2).all(|pair| pair[0].0 < pair[1].0), "{}", interface.name);
            assert_eq!(
                INTERFACES.iter().filter(|other| other.uuid == interface.uuid).count(),
                1,
                "{}",
                interface.name
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(data: Vec<u8>, cut in 0usize..120) {
            let _ = RpcPdu::of_client(&data);
            let whole = bind(true);
            let _ = RpcPdu::of_client(&whole[..cut.min(whole.len())]);
        }
    }
}
