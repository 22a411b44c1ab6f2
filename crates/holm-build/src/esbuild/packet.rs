//! The packets of esbuild's protocol: a length, a number with a bit for "answer", and one value.
//!
//! Lengths and numbers are little-endian `u32`; a value begins with a byte for its kind.

use std::collections::BTreeMap;

use crate::limits::PACKET_DEPTH_MAX;

/// A value as it travels.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(u32),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

/// One packet, without its length.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Packet {
    pub(super) id: u32,
    /// Whether it asks; otherwise it answers the packet with this number.
    pub(super) is_request: bool,
    pub(super) value: Value,
}

/// The bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bundler sent a message that cannot be read")]
pub struct PacketError;

impl Packet {
    /// Its bytes, the length in front.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; 4];
        put_number(&mut out, self.id << 1 | u32::from(!self.is_request));
        self.value.put(&mut out);
        let length = u32_of(out.len() - 4).to_le_bytes();
        for (byte, length) in out.iter_mut().zip(length) {
            *byte = length;
        }
        out
    }

    /// Reads what stands behind a length.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PacketError> {
        let mut reader = Reader(bytes);
        let head = reader.number()?;
        let value = reader.value(0)?;
        if !reader.0.is_empty() {
            return Err(PacketError);
        }
        Ok(Self {
            id: head >> 1,
            is_request: head & 1 == 0,
            value,
        })
    }
}

impl Value {
    /// An object of these entries.
    pub(super) fn object<const N: usize>(entries: [(&str, Self); N]) -> Self {
        let entries = entries.into_iter();
        Self::Object(
            entries
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }

    /// A list of texts.
    pub(super) fn texts<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Self {
        Self::List(
            texts
                .into_iter()
                .map(|text| Self::Text(text.into()))
                .collect(),
        )
    }

    /// The value of a key; `Null` when there is none.
    pub(super) fn get(&self, key: &str) -> &Self {
        match self {
            Self::Object(entries) => entries.get(key).unwrap_or(&Self::Null),
            _ => &Self::Null,
        }
    }

    /// The text; empty when it is none.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// The bytes; empty when there are none.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
            _ => &[],
        }
    }

    /// The number, if it is one.
    pub(super) fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The entries; none when it is no list.
    pub(super) fn list(&self) -> &[Self] {
        match self {
            Self::List(entries) => entries,
            _ => &[],
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(0),
            Self::Bool(is_true) => out.extend([1, u8::from(*is_true)]),
            Self::Number(number) => {
                out.push(2);
                put_number(out, *number);
            }
            Self::Text(text) => {
                out.push(3);
                put_bytes(out, text.as_bytes());
            }
            Self::Bytes(bytes) => {
                out.push(4);
                put_bytes(out, bytes);
            }
            Self::List(entries) => {
                out.push(5);
                put_number(out, u32_of(entries.len()));
                for entry in entries {
                    entry.put(out);
                }
            }
            Self::Object(entries) => {
                out.push(6);
                put_number(out, u32_of(entries.len()));
                for (key, value) in entries {
                    put_bytes(out, key.as_bytes());
                    value.put(out);
                }
            }
        }
    }
}

fn put_number(out: &mut Vec<u8>, number: u32) {
    out.extend(number.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, u32_of(bytes.len()));
    out.extend(bytes);
}

fn u32_of(length: usize) -> u32 {
    u32::try_from(length).expect("what is sent is made here and is far below 4 GiB")
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Result<&'b [u8], PacketError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(PacketError)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, PacketError> {
        let bytes = self.take(4)?.try_into().map_err(|_| PacketError)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn bytes(&mut self) -> Result<&'b [u8], PacketError> {
        let length = usize::try_from(self.number()?).map_err(|_| PacketError)?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, PacketError> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    /// Lists grow with the bytes that are really there; their lengths are not trusted.
    fn value(&mut self, depth: usize) -> Result<Value, PacketError> {
        if depth > PACKET_DEPTH_MAX {
            return Err(PacketError);
        }
        Ok(match self.take(1)? {
            [0] => Value::Null,
            [1] => Value::Bool(self.take(1)? != [0]),
            [2] => Value::Number(self.number()?),
            [3] => Value::Text(self.text()?),
            [4] => Value::Bytes(self.bytes()?.to_vec()),
            [5] => {
                let mut entries = Vec::new();
                for _ in 0..self.number()? {
                    entries.push(self.value(depth + 1)?);
                }
                Value::List(entries)
            }
            [6] => {
                let mut entries = BTreeMap::new();
                for _ in 0..self.number()? {
                    entries.insert(self.text()?, self.value(depth + 1)?);
                }
                Value::Object(entries)
            }
            _ => return Err(PacketError),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<u32>().prop_map(Value::Number),
            ".{0,8}".prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map(".{0,4}", inner, 0..4).prop_map(Value::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_packet_comes_back(id in 0_u32..1 << 31, is_request: bool, value in value()) {
            let packet = Packet { id, is_request, value };
            let bytes = packet.encode();
            prop_assert_eq!(bytes.len() - 4, u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize);
            prop_assert_eq!(Packet::decode(&bytes[4..]), Ok(packet));
        }

        #[test]
        fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            drop(Packet::decode(&bytes));
        }
    }

    #[test]
    fn a_length_that_lies_is_refused() {
        assert_eq!(
            Packet::decode(&[0, 0, 0, 0, 5, 255, 255, 255, 255]),
            Err(PacketError)
        );
        let deep = [&[0; 4][..], &[5, 1, 0, 0, 0].repeat(40), &[0]].concat();
        assert_eq!(Packet::decode(&deep), Err(PacketError));
    }
}
