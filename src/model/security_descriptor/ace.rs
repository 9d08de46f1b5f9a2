//! Entries of access control lists, [MS-DTYP] 2.4.4.

use crate::model::layout::{Layout, Malformed};
use crate::model::sid::Sid;

/// An access control entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ace {
    /// `AceType`
    pub kind: u8,
    /// `AceFlags`: how it is inherited, what is audited.
    pub flags: u8,
    /// The rest.
    pub body: AceBody,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AceBody {
    /// Somebody and some rights.
    Known {
        /// `Mask`: the rights.
        mask: u32,
        /// Of an object entry: which GUIDs follow, and their bytes.
        object: Option<(u32, Vec<u8>)>,
        /// `Sid`: whom it is about.
        sid: Sid,
        /// A condition, an attribute, or nothing.
        rest: Vec<u8>,
    },
    /// An entry of a type that [MS-DTYP] does not describe: its bytes behind the header.
    Opaque(Vec<u8>),
}

const HEADER: usize = 4;

/// How the body of a type is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Mask and SID.
    Plain,
    /// Mask, flags, none to two GUIDs, and SID.
    Object,
    Opaque,
}

/// The types with their names in [MS-DTYP] 2.4.4.1, without `_ACE_TYPE`.
const TYPES: [(u8, &str, Form); 21] = [
    (0x00, "ACCESS_ALLOWED", Form::Plain),
    (0x01, "ACCESS_DENIED", Form::Plain),
    (0x02, "SYSTEM_AUDIT", Form::Plain),
    (0x03, "SYSTEM_ALARM", Form::Plain),
    (0x04, "ACCESS_ALLOWED_COMPOUND", Form::Opaque),
    (0x05, "ACCESS_ALLOWED_OBJECT", Form::Object),
    (0x06, "ACCESS_DENIED_OBJECT", Form::Object),
    (0x07, "SYSTEM_AUDIT_OBJECT", Form::Object),
    (0x08, "SYSTEM_ALARM_OBJECT", Form::Object),
    (0x09, "ACCESS_ALLOWED_CALLBACK", Form::Plain),
    (0x0A, "ACCESS_DENIED_CALLBACK", Form::Plain),
    (0x0B, "ACCESS_ALLOWED_CALLBACK_OBJECT", Form::Object),
    (0x0C, "ACCESS_DENIED_CALLBACK_OBJECT", Form::Object),
    (0x0D, "SYSTEM_AUDIT_CALLBACK", Form::Plain),
    (0x0E, "SYSTEM_ALARM_CALLBACK", Form::Plain),
    (0x0F, "SYSTEM_AUDIT_CALLBACK_OBJECT", Form::Object),
    (0x10, "SYSTEM_ALARM_CALLBACK_OBJECT", Form::Object),
    (0x11, "SYSTEM_MANDATORY_LABEL", Form::Plain),
    (0x12, "SYSTEM_RESOURCE_ATTRIBUTE", Form::Plain),
    (0x13, "SYSTEM_SCOPED_POLICY_ID", Form::Plain),
    (0x14, "SYSTEM_PROCESS_TRUST_LABEL", Form::Plain),
];

/// ACE_OBJECT_TYPE_PRESENT and ACE_INHERITED_OBJECT_TYPE_PRESENT, [MS-DTYP] 2.4.4.3: each stands for a GUID.
const GUIDS: [u32; 2] = [1, 2];

fn form(kind: u8) -> Form {
    TYPES.iter().find(|(known, ..)| *known == kind).map_or(Form::Opaque, |(.., form)| *form)
}

impl Ace {
    /// The name of its type, `0x…` where it has none.
    pub fn type_name(&self) -> String {
        let found = TYPES.iter().find(|(known, ..)| *known == self.kind);
        found.map_or_else(|| format!("0x{:02x}", self.kind), |(_, name, _)| (*name).to_owned())
    }

    /// Whom it is about.
    pub fn sid(&self) -> Option<&Sid> {
        match &self.body {
            AceBody::Known { sid, .. } => Some(sid),
            AceBody::Opaque(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn sid_mut(&mut self) -> Option<&mut Sid> {
        match &mut self.body {
            AceBody::Known { sid, .. } => Some(sid),
            AceBody::Opaque(_) => None,
        }
    }

    /// Reads the entry that these bytes are.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(bytes);
        let (kind, flags) = (layout.u8("ACE.AceType", 0)?, layout.u8("ACE.AceFlags", 1)?);
        let form = form(kind);
        if form == Form::Opaque {
            let body = bytes.get(HEADER..).ok_or_else(|| layout.malformed("ACE.AceSize", 2))?;
            return Ok(Self { kind, flags, body: AceBody::Opaque(body.to_vec()) });
        }
        let mask = layout.u32("ACE.Mask", HEADER)?;
        let (object, at) = match form {
            Form::Object => {
                let present = layout.u32("ACE.Flags", 8)?;
                let length = 16 * GUIDS.iter().filter(|bit| present & **bit != 0).count();
                (Some((present, layout.bytes("ACE.ObjectType", 12, length)?.to_vec())), 12 + length)
            }
            _ => (None, 8),
        };
        let sid = Sid::decode(bytes, at)?;
        let rest = bytes.get(at + sid.encoded_length()..).unwrap_or_default().to_vec();
        Ok(Self { kind, flags, body: AceBody::Known { mask, object, sid, rest } })
    }

    /// Appends it as it travels.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&[self.kind, self.flags, 0, 0]);
        match &self.body {
            AceBody::Opaque(body) => out.extend_from_slice(body),
            AceBody::Known { mask, object, sid, rest } => {
                out.extend_from_slice(&mask.to_le_bytes());
                if let Some((present, guids)) = object {
                    out.extend_from_slice(&present.to_le_bytes());
                    out.extend_from_slice(guids);
                }
                sid.encode(out);
                out.extend_from_slice(rest);
            }
        }
        let size = (out.len() - begin) as u16;
        out[begin + 2..begin + 4].copy_from_slice(&size.to_le_bytes());
    }
}
