//! Reads one line of EK JSON without building a tree: raw messages become bytes, the fields that are kept are collected,
//! everything else is skipped. Keys that stand twice in an object are both seen.

use std::fmt;

use bytes::Bytes;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::ek::{EkMessage, Layers};
use super::ek_field::EkField;
use super::ek_repair;

/// The layers of a line; None for lines without any: an index line, or an empty one.
pub(super) fn layers(line: &[u8]) -> serde_json::Result<Option<Layers>> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    read(&ek_repair::text(line))
        .or_else(|error| read(&ek_repair::text(&ek_repair::repaired(line))).map_err(|_| error))
}

fn read(text: &str) -> serde_json::Result<Option<Layers>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let layers = deserializer.deserialize_map(Document)?;
    deserializer.end()?;
    Ok(layers)
}

/// What a key announces.
enum Key {
    Layers,
    Smb1Raw,
    Smb2Raw,
    Smb2,
    Kept(EkField),
    /// Bytes of something else, which may be long.
    OtherRaw,
    /// A field that is not kept, or an object with fields that are.
    Other,
}

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
                Ok(match key {
                    "layers" => Key::Layers,
                    "smb_raw" => Key::Smb1Raw,
                    "smb2_raw" => Key::Smb2Raw,
                    "smb2" => Key::Smb2,
                    _ if key.ends_with("_raw") => Key::OtherRaw,
                    _ => EkField::of_key(key).map_or(Key::Other, Key::Kept),
                })
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

/// The whole line.
struct Document;

impl<'de> Visitor<'de> for Document {
    type Value = Option<Layers>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tshark -T ek")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<Key>()? {
            if let Key::Layers = key {
                let layers = found.get_or_insert_with(Layers::default);
                map.next_value_seed(Node { message: &mut layers.smb2, smb1: &mut layers.smb1 })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// A value that is skipped if it is a scalar; of objects, and objects in lists, the fields go to the message.
struct Node<'a> {
    message: &'a mut EkMessage,
    smb1: &'a mut Vec<Bytes>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Scalars are of no interest.
macro_rules! skip_scalars {
    () => {
        fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
            Ok(())
        }

        fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
            Ok(())
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
            Ok(())
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
            Ok(())
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
            Ok(())
        }

        fn visit_unit<E: Error>(self) -> Result<(), E> {
            Ok(())
        }
    };
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    skip_scalars!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Node { message: &mut *self.message, smb1: &mut *self.smb1 })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // Bytes and dissection of messages stand under two keys, each once or as a list.
        let mut raw = Vec::new();
        let mut dissected = Vec::new();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Smb2Raw => map.next_value_seed(RawMessages(&mut raw))?,
                Key::Smb1Raw => map.next_value_seed(RawMessages(self.smb1))?,
                Key::Smb2 => map.next_value_seed(Messages { found: &mut dissected, smb1: &mut *self.smb1 })?,
                Key::Kept(field) => map.next_value_seed(Values { field, message: &mut *self.message })?,
                Key::OtherRaw => {
                    map.next_value::<IgnoredAny>()?;
                }
                Key::Other | Key::Layers => {
                    map.next_value_seed(Node { message: &mut *self.message, smb1: &mut *self.smb1 })?
                }
            }
        }
        dissected.resize_with(dissected.len().max(raw.len()), EkMessage::default);
        for (message, bytes) in dissected.iter_mut().zip(raw) {
            message.bytes = bytes;
        }
        self.message.inner.append(&mut dissected);
        Ok(())
    }
}

/// An object, or a list of objects, each a message.
struct Messages<'a> {
    found: &'a mut Vec<EkMessage>,
    smb1: &'a mut Vec<Bytes>,
}

impl<'de> DeserializeSeed<'de> for Messages<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Messages<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an SMB2 message or a list of them")
    }

    skip_scalars!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Messages { found: &mut *self.found, smb1: &mut *self.smb1 })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut message = EkMessage::default();
        Node { message: &mut message, smb1: self.smb1 }.visit_map(map)?;
        self.found.push(message);
        Ok(())
    }
}

/// Hex, or a list of hex.
struct RawMessages<'a>(&'a mut Vec<Bytes>);

impl<'de> DeserializeSeed<'de> for RawMessages<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RawMessages<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes in hex")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.push(Bytes::from(hex::decode(text).map_err(E::custom)?));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(RawMessages(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

/// The value or values of a field that is kept.
struct Values<'a> {
    field: EkField,
    message: &'a mut EkMessage,
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.message.fields.push(self.field, value);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.visit_str(if value { "true" } else { "false" })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Values { field: self.field, message: &mut *self.message })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
