//! Where a request may go, and what is made of a URL.

use std::sync::Mutex;

use super::*;

/// Answers with these, one list after the other, and remembers how often it was asked.
#[derive(Debug)]
struct Scripted {
    answers: Mutex<Vec<Vec<IpAddr>>>,
}

impl Resolve for Scripted {
    fn resolve<'a>(
        &'a self,
        _host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let next = self.answers.lock().unwrap().remove(0);
        let addresses = next.into_iter().map(|ip| SocketAddr::new(ip, port));
        Box::pin(std::future::ready(Ok(addresses.collect())))
    }
}

fn egress(answers: &[&[&str]], also: &[&str]) -> Egress {
    let answers = answers
        .iter()
        .map(|list| list.iter().map(|ip| ip.parse().unwrap()).collect())
        .collect();
    let also: Vec<_> = also
        .iter()
        .map(|network| network.parse().unwrap())
        .collect();
    let policy = EgressPolicy {
        also: IpNetworkSet::new(&also),
    };
    let resolve = Scripted {
        answers: Mutex::new(answers),
    };
    Egress::new(policy, Arc::new(resolve), &FunctionLimits::default()).unwrap()
}

async fn reached(egress: &Egress, host: &str) -> Result<Vec<String>, String> {
    let addresses = egress.addresses(host, 80).await;
    addresses
        .map(|addresses| addresses.iter().map(ToString::to_string).collect())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_name_with_private_addresses_keeps_only_the_public_ones() {
    let egress = egress(&[&["10.0.0.1", "8.8.8.8"], &["10.0.0.1", "::1"]], &[]);
    assert_eq!(
        reached(&egress, "two.example").await.unwrap(),
        ["8.8.8.8:80"]
    );
    let refused = reached(&egress, "two.example").await.unwrap_err();
    assert!(refused.contains("10.0.0.1"), "{refused}");
}

#[tokio::test]
async fn addresses_are_not_resolved_but_checked() {
    let egress = egress(&[], &["10.1.0.0/16"]);
    for refused in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.2.0.1",
    ] {
        assert!(reached(&egress, refused).await.is_err(), "{refused}");
    }
    assert_eq!(reached(&egress, "10.1.0.1").await.unwrap(), ["10.1.0.1:80"]);
}

#[test]
fn urls() {
    let found = target("https://a.example:8443/x?y=1").unwrap();
    assert_eq!((found.is_tls, found.port), (true, 8443));
    assert_eq!(found.authority, "a.example:8443");
    assert_eq!(found.path, "/x?y=1");
    assert_eq!(target("http://[::1]/").unwrap().host, "::1");
    assert_eq!(
        target("https://a.example:443").unwrap().authority,
        "a.example"
    );
    for wrong in [
        "ftp://a.example/",
        "file:///etc/passwd",
        "nonsense",
        "http:///x",
    ] {
        assert!(target(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn wishes_for_time_stay_within_the_limits() {
    let max = Duration::from_secs(10);
    assert_eq!(capped(Some(500.0), max), Duration::from_millis(500));
    assert_eq!(capped(Some(1e300), max), max);
    assert_eq!(capped(Some(f64::NAN), max), max);
    assert_eq!(capped(Some(-1.0), max), max);
    assert_eq!(capped(None, max), max);
}
