//! Asks a running server whether it serves: the container's health check, which has no shell and no `curl`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

const TIME_OUT: Duration = Duration::from_secs(2);
const STATUS_LINE_BYTES_MAX: u64 = 256;

/// Asks the server that listens on `listen` for `/health`.
///
/// # Errors
/// If it cannot be reached, does not answer within two seconds, or answers anything but 200.
pub fn ask(listen: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&reachable(listen), TIME_OUT)?;
    stream.set_read_timeout(Some(TIME_OUT))?;
    stream.set_write_timeout(Some(TIME_OUT))?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut status = String::new();
    BufReader::new(stream.take(STATUS_LINE_BYTES_MAX)).read_line(&mut status)?;
    if status.starts_with("HTTP/1.1 200") {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "it answered {:?}",
            status.trim_end()
        )))
    }
}

/// A server that listens on all addresses is asked on the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// What is thought of a server that gives this answer.
    fn ask_one_that_answers(answer: &'static str) -> io::Result<()> {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let listen = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 1_024];
            let len = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            request[..len].starts_with(b"GET /health HTTP/1.1\r\n")
        });
        let answer = ask(listen);
        assert!(server.join().unwrap(), "it was asked for /health");
        answer
    }

    #[test]
    fn only_a_200_is_healthy() {
        assert!(ask_one_that_answers("HTTP/1.1 200 OK\r\n\r\n").is_ok());
        for answer in [
            "HTTP/1.1 503 Service Unavailable\r\n\r\n",
            "SSH-2.0-x\r\n",
            "",
        ] {
            assert!(ask_one_that_answers(answer).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn nobody_listening_is_not_healthy() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = listener.local_addr().unwrap();
        drop(listener);
        assert!(ask(listen).is_err());
    }
}
