//! `holm storage`: how full the blob store is, and collecting what nobody wants.

use holm_api::{CollectionView, StorageView};

use super::{Session, time};
use crate::args::StorageArgs;
use crate::error::CliError;

pub(super) fn run(session: &Session<'_>, args: &StorageArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    if args.collect || args.dry_run {
        let doing = "collect the blobs that nobody wants";
        let done = client
            .storage_collect(args.dry_run)
            .map_err(|error| error.explain(doing))?;
        if args.json {
            session.printer.result_json(&done);
        } else {
            session.printer.result_text(&render_collection(&done));
        }
        return Ok(());
    }
    let view = client
        .storage_view()
        .map_err(|error| error.explain("ask what is stored"))?;
    if args.json {
        session.printer.result_json(&view);
    } else {
        session.printer.result_text(&render(&view));
    }
    Ok(())
}

fn render(view: &StorageView) -> String {
    let free = view.free_bytes.map_or("unknown".to_owned(), size);
    let last = match &view.last_collection {
        None => "last collection  none yet\n".to_owned(),
        Some(last) => format!(
            "last collection  {}\n{}",
            time(last.ended_at),
            render_collection(last)
        ),
    };
    format!(
        "stored           {} blobs, {}\n\
         in packs         {} packs, {}, of which {} belong to no blob\n\
         in own files     {} blobs\n\
         encoded forms    {}, {}\n\
         free             {free}\n\
         {last}",
        view.blob_count,
        size(view.blob_bytes),
        view.pack_count,
        size(view.pack_bytes),
        size(view.pack_dead_bytes),
        view.large_count,
        view.variant_count,
        size(view.variant_bytes),
    )
}

fn render_collection(done: &CollectionView) -> String {
    let (verb, freed) = if done.is_dry_run {
        ("would remove", String::new())
    } else {
        (
            "removed",
            format!(", which freed {}", size(done.freed_bytes)),
        )
    };
    format!(
        "  wanted         {} blobs, {}\n  {verb:<14} {} blobs, {}{freed}\n",
        done.live_count,
        size(done.live_bytes),
        done.dead_count,
        size(done.dead_bytes),
    )
}

/// Bytes for people, in steps of 1,024.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, want) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1_590_000, "1.5 MiB"),
            (u64::from(u32::MAX) + 1, "4.0 GiB"),
        ] {
            assert_eq!(size(bytes), want);
        }
    }
}
