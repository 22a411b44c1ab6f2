//! Lines and sockets go over whole; everything else is refused within bounds.

use super::*;

fn pair() -> (Talk, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    (Talk::over(one), other)
}

#[tokio::test]
async fn a_listening_socket_arrives_and_goes_on_listening() {
    let (here, there) = UnixStream::pair().unwrap();
    let (here, there) = (Talk::over(here), Talk::over(there));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let message = Message::Listeners {
        protocol: PROTOCOL,
        version: "1".to_owned(),
        pid: 7,
        roles: vec![Role::Sites],
    };
    here.say(&message, &[listener.as_fd()]).await.unwrap();
    let (heard, mut sockets) = there.hear(HANDOVER_STEP_MAX).await.unwrap();
    assert_eq!(heard, message);
    drop(listener);
    let taken = std::net::TcpListener::from(sockets.remove(0));
    let _client = std::net::TcpStream::connect(address).unwrap();
    assert!(taken.accept().is_ok());
    assert!(sockets.is_empty());
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    for bytes in [&b"{}\n"[..], b"\xff\n", &[b'x'; 8192]] {
        let (talk, other) = pair();
        other.writable().await.unwrap();
        assert_eq!(other.try_write(bytes).unwrap(), bytes.len());
        let heard = talk.hear(HANDOVER_STEP_MAX).await;
        assert!(matches!(heard, Err(TalkError::Nonsense)), "{heard:?}");
    }
}

#[tokio::test]
async fn an_end_and_a_silence_are_told_apart() {
    let (talk, other) = pair();
    let heard = talk.hear(Duration::from_millis(5)).await;
    assert!(matches!(heard, Err(TalkError::Silent(_))), "{heard:?}");
    drop(other);
    let heard = talk.hear(HANDOVER_STEP_MAX).await;
    assert!(matches!(heard, Err(TalkError::Ended)), "{heard:?}");
    let said = talk.say(&Message::Ready, &[]).await;
    assert!(matches!(said, Err(TalkError::Ended)), "{said:?}");
}

#[tokio::test]
async fn a_long_path_fits_by_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("x".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let path = deep.join("a.sock");
    let (short, held) = socket_path(&path).unwrap();
    let listener = tokio::net::UnixListener::bind(&short).unwrap();
    drop(held);
    assert!(path.exists());
    let (short, _held) = socket_path(&path).unwrap();
    let (client, server) = tokio::join!(UnixStream::connect(&short), listener.accept());
    assert!(client.is_ok() && server.is_ok());
}
