//! The labels under the base domain (decision D10.7). A label never exceeds 63 characters (RFC 1035).

use holm_types::ProjectName;

const LABEL_LENGTH_MAX: usize = 63;
const HASH_LENGTH: usize = 8;

/// `<name>`.
pub(crate) fn production_label(name: &ProjectName) -> String {
    name.to_string()
}

/// `<name>--<label>`.
pub(crate) fn deployment_label(name: &ProjectName, label: &str) -> String {
    format!("{name}--{label}")
}

/// `<name>--b-<slug>`. A slug that had to be cut, or has nothing left of the branch's name, carries a
/// hash of it instead, so that two such branches stay apart.
pub(crate) fn branch_label(name: &ProjectName, branch: &str) -> String {
    labelled(name, branch, 0)
}

/// As [`branch_label`], for a branch whose label another branch has already: always with a hash, a
/// different one for each attempt.
pub(crate) fn other_branch_label(name: &ProjectName, branch: &str, attempt: u8) -> String {
    labelled(name, branch, attempt)
}

fn labelled(name: &ProjectName, branch: &str, attempt: u8) -> String {
    let mut slug = String::new();
    for c in branch.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    let room = LABEL_LENGTH_MAX - name.as_str().len() - "--b-".len();
    if slug.len() > room || slug.is_empty() || attempt > 0 {
        let again = [attempt];
        let again = if attempt > 1 { again.as_slice() } else { &[] };
        let hash = blake3::hash(&[branch.as_bytes(), again].concat()).to_hex();
        slug.truncate(room - HASH_LENGTH - 1);
        slug.truncate(slug.trim_end_matches('-').len());
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.extend(hash.as_str().chars().take(HASH_LENGTH));
    }
    format!("{name}--b-{slug}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, branch: &str, want: &str) {
        let name: ProjectName = name.parse().unwrap();
        assert_eq!(branch_label(&name, branch), want);
    }

    #[test]
    fn branches_become_labels() {
        check("blog", "main", "blog--b-main");
        check("blog", "Feature/New_Thing!", "blog--b-feature-new-thing");
        check("blog", "日本", "blog--b-fb52b4c8");
    }

    #[test]
    fn a_slug_that_is_taken_gets_a_hash_of_the_branch() {
        let name: ProjectName = "blog".parse().unwrap();
        let (one, two) = ("feature/a", "feature-a");
        assert_eq!(branch_label(&name, one), branch_label(&name, two));
        let hashed = other_branch_label(&name, two, 1);
        assert!(hashed.starts_with("blog--b-feature-a-"), "{hashed}");
        assert_ne!(hashed, other_branch_label(&name, one, 1));
        assert_ne!(hashed, other_branch_label(&name, two, 2));
    }

    #[test]
    fn long_branches_are_cut_and_stay_apart() {
        let name: ProjectName = "a".repeat(40).parse().unwrap();
        let one = branch_label(&name, "feature/one-long-branch-name-1");
        let two = branch_label(&name, "feature/one-long-branch-name-2");
        assert_ne!(one, two);
        for label in [&one, &two] {
            assert!(label.len() <= 63 && !label.ends_with('-'), "{label}");
        }
        assert_eq!(deployment_label(&name, "0123456789ab").len(), 40 + 2 + 12);
    }
}
