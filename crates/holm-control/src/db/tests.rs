//! The database's own promises: a failing change takes no other down, nothing is lost by closing.

use std::sync::Arc;

use holm_types::{ProjectId, Timestamp};

use super::*;

fn open(folder: &Path) -> Db {
    Db::open(&folder.join("control.db"), &ControlLimits::default(), 0).unwrap()
}

fn insert(db: &Db, number: u8, name: &str) -> Result<bool, DbError> {
    let name = name.parse().unwrap();
    db.write_blocking(move |change| {
        let now = Timestamp::from_unix_ms(1);
        change.insert_project(ProjectId::from_bytes([number; 16]), &name, now)
    })
}

#[test]
fn migrations_run_once_and_data_outlives_closing() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    assert!(insert(&db, 1, "blog").unwrap());
    assert!(!insert(&db, 2, "blog").unwrap());
    db.close();
    assert!(matches!(insert(&db, 3, "late"), Err(DbError::Closed)));
    let log = folder.path().join("control.db-wal");
    assert_eq!(
        std::fs::metadata(log).map_or(0, |metadata| metadata.len()),
        0
    );
    let db = open(folder.path());
    let found = db
        .read_blocking(|view| view.project_by_name("blog"))
        .unwrap();
    assert_eq!(found.unwrap().id, ProjectId::from_bytes([1; 16]));
}

#[test]
fn a_newer_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close();
    let file = folder.path().join("control.db");
    let connection = Connection::open(&file).unwrap();
    connection
        .execute("INSERT INTO migrations VALUES (99, 0)", ())
        .unwrap();
    drop(connection);
    let refused = Db::open(&file, &ControlLimits::default(), 0);
    assert!(matches!(refused, Err(DbError::TooNew { found: 99, .. })));
}

#[test]
fn a_failing_change_takes_no_other_down() {
    let folder = tempfile::tempdir().unwrap();
    let db = Arc::new(open(folder.path()));
    // All but the first wait while it holds the writer, so they share one batch.
    let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
    let first = {
        let db = Arc::clone(&db);
        std::thread::spawn(move || {
            db.write_blocking::<_, DbError>(move |_| Ok(held.recv().is_ok()))
        })
    };
    let others: Vec<_> = (1..=20_u8)
        .map(|number| {
            let db = Arc::clone(&db);
            std::thread::spawn(move || {
                db.write_blocking::<(), DbError>(move |change| {
                    let name = format!("p{number}").parse().unwrap();
                    let id = ProjectId::from_bytes([number; 16]);
                    change.insert_project(id, &name, Timestamp::default())?;
                    assert!(number != 7, "a bug in a change");
                    if number % 2 == 0 {
                        return Err(DbError::Damaged { what: "test" });
                    }
                    Ok(())
                })
            })
        })
        .collect();
    release.send(()).unwrap();
    assert!(first.join().unwrap().unwrap());
    let outcomes: Vec<bool> = others
        .into_iter()
        .map(|thread| thread.join().unwrap().is_ok())
        .collect();
    let kept = db.read_blocking(|view| view.projects(None, 100)).unwrap();
    let mut kept: Vec<u8> = kept.iter().map(|row| row.id.as_bytes()[0]).collect();
    kept.sort_unstable();
    let want: Vec<u8> = (1..=20)
        .filter(|number| number % 2 == 1 && *number != 7)
        .collect();
    assert_eq!(kept, want);
    let want_ok: Vec<bool> = (1..=20_u8)
        .map(|number| number % 2 == 1 && number != 7)
        .collect();
    assert_eq!(outcomes, want_ok);
}

#[test]
fn the_schema_itself_keeps_aliases_on_sealed_deployments() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    insert(&db, 1, "blog").unwrap();
    let project_id = ProjectId::from_bytes([1; 16]);
    let id = holm_types::DeploymentId::from_bytes([2; 16]);
    let pointed = db.write_blocking::<_, DbError>(move |change| {
        change.insert_deployment(&NewDeployment {
            redeployed_from: None,
            id,
            project_id,
            environment: holm_types::Environment::Production,
            source: holm_api::DeploymentSource::default(),
            file_count: 0,
            size_bytes: 0,
            created_at: Timestamp::default(),
        })?;
        let now = Timestamp::default();
        let move_id =
            change.insert_alias_move(project_id, "blog", id, MoveCause::Deploy, None, now)?;
        let row = AliasRow {
            branch: None,
            project_id,
            kind: AliasKind::Production,
            label: "blog".to_owned(),
            deployment_id: id,
            move_id,
        };
        change.put_alias(holm_types::AliasId::from_bytes([3; 16]), &row)
    });
    assert!(
        matches!(
            pointed,
            Err(DbError::Sql {
                doing: "move an alias",
                ..
            })
        ),
        "{pointed:?}"
    );
}

#[test]
fn sessions_without_a_known_token_end_with_the_second_migration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("control.db");
    let connection = Connection::open(&file).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TABLE migrations (
                version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT;
             {}
             INSERT INTO migrations VALUES (1, 0);
             INSERT INTO users VALUES (x'01', 'owner', 0);
             INSERT INTO sessions VALUES (x'02', x'03', x'01', 0, 9)",
            include_str!("0001-first.sql")
        ))
        .unwrap();
    drop(connection);
    open(folder.path()).close();
    let connection = Connection::open(&file).unwrap();
    let count = |sql: &str| {
        connection
            .query_row::<i64, _, _>(sql, (), |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count("SELECT count(*) FROM users"), 1);
    assert_eq!(count("SELECT count(*) FROM sessions"), 0);
    assert_eq!(
        count("SELECT max(version) FROM migrations"),
        migrations::SCHEMA_VERSION
    );
}

#[test]
fn a_database_of_the_seventh_step_goes_on_and_counts_every_host_as_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("control.db");
    let mut connection = Connection::open(&file).unwrap();
    migrations::migrate_to(&mut connection, 0, 7).unwrap();
    assert_eq!(migrations::schema_version(&connection).unwrap(), 7);
    let columns = |connection: &Connection, table: &str| {
        connection
            .prepare(&format!("SELECT * FROM {table}"))
            .map(|statement| statement.column_names().collect::<Vec<_>>().join(" "))
    };
    // Steps that were released never change: this is the table as the first seven leave it.
    assert_eq!(
        columns(&connection, "instance").unwrap(),
        "only_row owner_id owner_code_hash snapshot_version"
    );
    assert!(columns(&connection, "host_changes").is_err());
    connection
        .execute_batch(
            "UPDATE instance SET snapshot_version = 41;
             INSERT INTO projects (id, name, created_at) VALUES (zeroblob(16), 'blog', 0)",
        )
        .unwrap();
    drop(connection);
    let db = open(folder.path());
    let id = ProjectId::from_bytes([0; 16]);
    let marked = db.write_blocking(move |change| change.project_hosts_changed(id));
    assert_eq!(marked.unwrap(), 42);
    let read = |since| db.read_blocking(|view| view.host_changes(since, 10));
    assert_eq!(read(41).unwrap(), HostChanges::Of(vec![id]));
    assert_eq!(
        db.read_blocking(|view| view.variants_synced()).unwrap(),
        None
    );
    assert!(
        db.read_blocking(|view| view.project_by_name("blog"))
            .unwrap()
            .is_some()
    );
}

/// Everything that feeds the snapshot says so by itself, and of the right project.
#[test]
fn whoever_changes_what_a_host_shows_raises_the_snapshots_version() {
    use holm_types::{AliasId, BlobDigest, DeploymentId, DeploymentState, Environment};
    type Step = (
        &'static str,
        Box<dyn FnOnce(&Change<'_>) -> Result<(), DbError> + Send>,
    );
    fn step(
        what: &'static str,
        change: impl FnOnce(&Change<'_>) -> Result<(), DbError> + Send + 'static,
    ) -> Step {
        (what, Box::new(change))
    }
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    insert(&db, 1, "blog").unwrap();
    insert(&db, 2, "other").unwrap();
    let project_id = ProjectId::from_bytes([1; 16]);
    let now = Timestamp::from_unix_ms(1);
    let id = |number: u8| DeploymentId::from_bytes([number; 16]);
    let insert = move |number: u8| {
        step("insert", move |change| {
            change.insert_deployment(&NewDeployment {
                redeployed_from: None,
                id: id(number),
                project_id,
                environment: Environment::Production,
                source: holm_api::DeploymentSource::default(),
                file_count: 0,
                size_bytes: 0,
                created_at: now,
            })
        })
    };
    let seal = move |number: u8| {
        step("seal", move |change| {
            let sealing = Sealing {
                document: BlobDigest::of(b"document"),
                sealed_at: now,
                diagnostics: Vec::new(),
            };
            assert!(change.seal_deployment(id(number), &sealing)?);
            Ok(())
        })
    };
    let steps = [
        insert(1),
        insert(2),
        insert(3),
        seal(1),
        seal(3),
        step("end", move |change| {
            let state = DeploymentState::Cancelled;
            assert!(change.end_deployment(id(2), state, &[])?);
            Ok(())
        }),
        step("point", move |change| {
            let cause = MoveCause::Deploy;
            let move_id = change.insert_alias_move(project_id, "b", id(1), cause, None, now)?;
            let row = AliasRow {
                branch: Some("b".to_owned()),
                project_id,
                kind: AliasKind::Branch,
                label: "b".to_owned(),
                deployment_id: id(1),
                move_id,
            };
            change.put_alias(AliasId::from_bytes([3; 16]), &row)
        }),
        step("unpoint", move |change| change.delete_branch_aliases(id(1))),
        step("expire", move |change| {
            assert!(change.expire_deployment(id(1), 1)?);
            Ok(())
        }),
        step("delete", move |change| change.delete_deployment(id(1))),
        insert(4),
        step("time out", move |change| {
            change
                .time_out_uploads(Timestamp::from_unix_ms(2))
                .map(|count| assert_eq!(count, 1))
        }),
        step("rules", move |change| {
            change.put_access_rules(project_id, &holm_api::AccessRulesView::default())
        }),
        step("protection", move |change| {
            let row = ProtectionRow {
                mode: holm_api::ProtectionModeName::Signed,
                covers: holm_api::ProtectionCoverage::All,
                refusal: holm_api::RefusalName::NotFound,
                signing_key: holm_site::guard::SigningKey::from_bytes([1; 32]),
                key_made_at: now,
                password: None,
            };
            change.put_protection(project_id, &row)
        }),
        step("delete the project", move |change| {
            change.delete_project(project_id, now)
        }),
    ];
    for (what, act) in steps {
        let before = db.read_blocking(|view| view.snapshot_version()).unwrap();
        db.write_blocking(move |change| act(change)).unwrap();
        let changed = db.read_blocking(|view| view.host_changes(before, 10));
        assert_eq!(
            changed.unwrap(),
            HostChanges::Of(vec![project_id]),
            "{what}"
        );
    }
    // What changes nothing raises nothing.
    let before = db.read_blocking(|view| view.snapshot_version()).unwrap();
    db.write_blocking::<_, DbError>(move |change| {
        assert!(!change.end_deployment(id(2), DeploymentState::Failed, &[])?);
        change.delete_branch_aliases(id(3))
    })
    .unwrap();
    let after = db.read_blocking(|view| view.snapshot_version());
    assert_eq!(after.unwrap(), before);
}

fn audit_row() -> AuditRow {
    AuditRow {
        id: holm_types::AuditId::from_bytes([9; 16]),
        at: Timestamp::from_unix_ms(1),
        operation: "project_create".to_owned(),
        target: "/projects".to_owned(),
        project_id: None,
        outcome: holm_api::AuditOutcome::Done,
        status: 201,
        code: None,
        user_id: None,
        email: None,
        token_id: None,
        address: "127.0.0.1".to_owned(),
        request_id: "1".to_owned(),
    }
}

#[tokio::test]
async fn a_change_and_its_row_of_the_audit_log_are_kept_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let trail = Trail::new(audit_row());
    let make = async |number: u8, name: &str, fails: bool| {
        let name = name.parse().unwrap();
        db.write(move |change| {
            let now = Timestamp::from_unix_ms(1);
            change.insert_project(ProjectId::from_bytes([number; 16]), &name, now)?;
            if fails {
                return Err(DbError::Damaged { what: "test" });
            }
            Ok(())
        })
        .await
    };
    let counts = || {
        db.read_blocking(|view| {
            let rows = view.audit_rows(None, 10, &AuditFilter::default())?.len();
            Ok::<_, DbError>((view.project_count()?, rows))
        })
        .unwrap()
    };
    // A change that fails leaves neither; the next one takes the row along; a third has none to take.
    assert!(trail.follow(make(1, "one", true)).await.is_err());
    assert_eq!((counts(), trail.is_kept()), ((0, 0), false));
    trail.follow(make(2, "two", false)).await.unwrap();
    assert_eq!((counts(), trail.is_kept()), ((1, 1), true));
    trail.follow(make(3, "three", false)).await.unwrap();
    assert_eq!(counts(), (2, 1));
    // A row that cannot be written takes the change with it.
    let again = Trail::new(audit_row());
    assert!(again.follow(make(4, "four", false)).await.is_err());
    assert_eq!((counts(), again.is_kept()), ((2, 1), false));
    // Outside of a request there is no row.
    make(5, "five", false).await.unwrap();
    assert_eq!(counts(), (3, 1));
}
