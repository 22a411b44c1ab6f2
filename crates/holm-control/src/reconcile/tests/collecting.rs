//! What a collection keeps because the edge shows it, and what it does not.

use super::*;

/// The document of a deployment with one file, both stored.
pub(super) async fn stored_document(core: &Core, text: &str) -> BlobDigest {
    let file = bytes::Bytes::copy_from_slice(text.as_bytes());
    let compiled = holm_site::compile(holm_site::CompileInput {
        files: vec![holm_site::FileEntry {
            path: "/index.html".to_owned(),
            digest: BlobDigest::of(&file),
            size_bytes: file.len() as u64,
        }],
        ..holm_site::CompileInput::default()
    });
    let document = holm_site::codec::encode_document(&compiled.value.unwrap());
    let (document, digest) = (
        bytes::Bytes::from(document.clone()),
        BlobDigest::of(&document),
    );
    let mut upload = core.blobs.upload();
    upload.put(BlobDigest::of(&file), file).await.unwrap();
    upload.put(digest, document).await.unwrap();
    upload.finish().await.unwrap();
    digest
}

/// Publishes, and plays the edge that serves it.
async fn publish_and_serve(core: &Core) {
    core.publisher.run_once().await.unwrap();
    let version = core.snapshots.newest_version().unwrap();
    core.snapshots.acknowledge(version);
}

/// What a collection removes from a store with two deployments, one of them deleted by `delete` while it is in
/// the whole snapshot or only in a change behind it.
fn collected(is_in_whole: bool, delete: impl AsyncFnOnce(&Core)) -> (u64, bool) {
    let folder = tempfile::tempdir().unwrap();
    let limits = ControlLimits {
        collect_settle_time: Duration::ZERO,
        ..ControlLimits::default()
    };
    let core = core_with(folder.path(), limits);
    let (_sender, stop) = watch::channel(false);
    let runtime = runtime();
    runtime.block_on(async {
        core.publisher.publish_at_start().unwrap();
        let kept = stored_document(&core, "kept").await;
        let gone = stored_document(&core, "gone").await;
        deploy_document(&core, 1, 1, kept);
        deploy_document(&core, 2, 2, gone);
        publish_and_serve(&core).await;
        if is_in_whole {
            let newest = core.snapshots.newest().unwrap();
            let whole = holm_site::codec::encode_snapshot(&published(&core).0);
            core.snapshots.fold(newest.version, whole.into()).unwrap();
        }
        assert_eq!(published(&core).1, usize::from(!is_in_whole));
        delete(&core).await;
        let done = BlobCollector::new(&core).collect(&stop).await.unwrap();
        assert!(core.blobs.missing(&[kept]).is_empty());
        (done.dead_count, core.blobs.missing(&[gone]).is_empty())
    })
}

#[test]
fn what_only_an_older_whole_snapshot_names_gives_back_its_space() {
    let delete = async |core: &Core| {
        let deleted = core.db.write::<_, ApiError>(move |change| {
            change.delete_project(ProjectId::from_bytes([2; 16]), NOW)?;
            Ok(change.project_hosts_changed(ProjectId::from_bytes([2; 16]))?)
        });
        deleted.await.unwrap();
        publish_and_serve(core).await;
    };
    // The file and the document.
    assert_eq!(collected(true, delete), (2, false));
    assert_eq!(collected(false, delete), (2, false));
}

#[test]
fn what_a_change_shows_is_kept_though_its_row_is_gone() {
    // As when a deletion is committed after a collection has published: the edge serves it still.
    let delete = async |core: &Core| {
        let file = core.db.folder().join("control.db");
        let connection = rusqlite::Connection::open(file).unwrap();
        connection
            .execute_batch(
                "DELETE FROM aliases WHERE project_id = x'02020202020202020202020202020202';
                 UPDATE deployments SET state = 'deleted', document = NULL
                 WHERE id = x'02020202020202020202020202020202'",
            )
            .unwrap();
    };
    assert_eq!(collected(false, delete), (0, true));
    assert_eq!(collected(true, delete), (0, true));
}
