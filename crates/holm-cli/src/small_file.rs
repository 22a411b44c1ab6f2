//! Small files of settings: read with a maximum, replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// The user alone: the file is 0600 and its folder, when it has to be made, 0700.
    Owner,
    /// As the umask says.
    Usual,
}

/// Reads a file of at most this many bytes. `None` when there is no such file.
pub(crate) fn read_small(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let why = format!("it is larger than {bytes_max} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(Some(bytes))
}

/// Writes a file so that a reader sees the old bytes or the new ones, never a mixture.
pub(crate) fn replace(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder, readers)?;
    let (temporary, mut file) = create_beside(path, readers)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The error that matters is the first; a left-over temporary file harms nobody.
        drop(fs::remove_file(&temporary));
    }
    written
}

/// Makes a folder and those above it.
pub(crate) fn make_folder(folder: &Path, readers: Readers) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    if readers == Readers::Owner {
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// A new file next to `path`. `create_new` never follows a link that someone put there.
fn create_beside(path: &Path, readers: Readers) -> io::Result<(PathBuf, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    if readers == Readers::Owner {
        options.mode(0o600);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let process = std::process::id();
    let mut attempt = 0_u32;
    loop {
        let temporary = path.with_file_name(format!(".{name}.{process}-{attempt}.tmp"));
        match options.open(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_file_is_never_readable_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/secret.json");
        replace(&path, b"one", Readers::Owner).unwrap();
        replace(&path, b"two", Readers::Owner).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::metadata(path.parent().unwrap())
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o700
        );
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing left over"
        );
    }

    #[test]
    fn reading_has_a_maximum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert_eq!(read_small(&path, 3).unwrap(), None);
        fs::write(&path, b"abc").unwrap();
        assert_eq!(read_small(&path, 3).unwrap(), Some(b"abc".to_vec()));
        assert_eq!(
            read_small(&path, 2).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }
}
