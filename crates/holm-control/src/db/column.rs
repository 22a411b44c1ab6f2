//! Values as columns: ids, digests, times, words, JSON.

use holm_types::{BlobDigest, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Error, Row};

/// An id of any kind from its 16 bytes.
pub(super) fn id<T>(row: &Row<'_>, index: usize, make: fn([u8; 16]) -> T) -> rusqlite::Result<T> {
    row.get::<_, [u8; 16]>(index).map(make)
}

/// As [`id`], where NULL is allowed.
pub(super) fn optional_id<T>(
    row: &Row<'_>,
    index: usize,
    make: fn([u8; 16]) -> T,
) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<[u8; 16]>>(index)?.map(make))
}

pub(super) fn optional_digest(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<BlobDigest>> {
    let bytes = row.get::<_, Option<[u8; 32]>>(index)?;
    Ok(bytes.map(BlobDigest::from_bytes))
}

pub(super) fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    row.get(index).map(Timestamp::from_unix_ms)
}

pub(super) fn optional_time(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row
        .get::<_, Option<i64>>(index)?
        .map(Timestamp::from_unix_ms))
}

/// A word of a closed set, such as a state.
pub(super) fn word<T: std::str::FromStr>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    text.parse().map_err(|_| {
        Error::FromSqlConversionFailure(index, Type::Text, format!("`{text}` is unknown").into())
    })
}

/// A value kept as JSON text.
pub(super) fn json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    index: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text)
        .map_err(|error| Error::FromSqlConversionFailure(index, Type::Text, error.into()))
}

/// A count or a size. Nothing here comes near the end of the range.
pub(super) fn count(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index)
        .map(|count| u64::try_from(count).unwrap_or(0))
}

/// A count or a size on its way in.
pub(super) fn from_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
