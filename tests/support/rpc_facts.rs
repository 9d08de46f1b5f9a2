//! What tshark tells of DCE/RPC on named pipes: the program reads it by itself (docs/adr/0019).

use smbreplay::dissect::{EkField, EkRecord};

/// Layers that are no interface although they are left out of the output.
const OTHER_LAYERS: [&str; 8] = ["eth", "sll", "ip", "ipv6", "tcp", "nbss", "data", "exported_pdu"];

/// The RPC of one row of the PDU feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RpcFacts {
    /// A bind, to these interfaces.
    Bind(Vec<String>),
    /// A request or response.
    Call {
        /// Wireshark's name of the interface: `srvsvc`, `samr` …; None for one it does not know.
        interface: Option<String>,
        /// The operation's number in the interface.
        operation: u16,
    },
}

impl RpcFacts {
    /// The facts of a record, if it has RPC in it.
    pub(crate) fn of(record: &EkRecord) -> Option<Self> {
        let fields = &record.fields;
        if let Some(operation) = fields.first(EkField::RpcOperation) {
            let mut layers = fields.all(EkField::LayerLeftOut).filter(|layer| !OTHER_LAYERS.contains(layer));
            return Some(Self::Call {
                interface: layers.next_back().map(str::to_owned),
                operation: operation.parse().ok()?,
            });
        }
        let interfaces: Vec<_> = fields.all(EkField::RpcInterface).map(str::to_owned).collect();
        (!interfaces.is_empty()).then_some(Self::Bind(interfaces))
    }
}
