//! The SQL Server Browser: which port a named instance listens on.
//!
//! [MC-SQLR] 2.2.2 and 2.2.5: `0x04` and the name to UDP 1434; the answer is `0x05`, a length and `key;value;…` pairs.

use super::error::ServerError;
use std::time::Duration;
use tokio::net::UdpSocket;

const BROWSER_PORT: u16 = 1434;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// A datagram may get lost; the browser is asked this often.
const TRIES: usize = 3;

/// Asks the host for the TCP port of an instance.
pub(super) async fn port_of(host: &str, instance: &str) -> Result<u16, ServerError> {
    let missing = || ServerError::NoInstance {
        host: host.to_owned(),
        instance: instance.to_owned(),
    };
    let addresses: Vec<_> = tokio::net::lookup_host((host, BROWSER_PORT))
        .await
        .map_err(|error| ServerError::UnknownHost {
            host: host.to_owned(),
            reason: error.to_string(),
        })?
        .collect();
    let mut question = vec![0x04];
    question.extend_from_slice(instance.as_bytes());
    question.push(0);
    for _ in 0..TRIES {
        for address in &addresses {
            let any = if address.is_ipv4() {
                "0.0.0.0:0"
            } else {
                "[::]:0"
            };
            let mut answer = [0; 2048];
            let exchange = async {
                let socket = UdpSocket::bind(any).await?;
                socket.connect(address).await?;
                socket.send(&question).await?;
                socket.recv(&mut answer).await
            };
            if let Ok(Ok(length)) = tokio::time::timeout(ANSWER_TIMEOUT, exchange).await {
                return tcp_port(answer.get(..length).unwrap_or_default()).ok_or_else(missing);
            }
        }
    }
    Err(missing())
}

fn tcp_port(answer: &[u8]) -> Option<u16> {
    let (&kind, rest) = answer.split_first()?;
    if kind != 0x05 {
        return None;
    }
    let text = String::from_utf8_lossy(rest.get(2..)?).into_owned();
    let words: Vec<&str> = text.split(';').collect();
    words
        .windows(2)
        .find(|pair| {
            pair.first()
                .is_some_and(|key| key.eq_ignore_ascii_case("tcp"))
        })
        .and_then(|pair| pair.get(1)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_tcp_port() {
        let text =
            "ServerName;HOST;InstanceName;SQL1;IsClustered;No;Version;16.0.1000.6;tcp;50123;;";
        let mut answer = vec![0x05];
        answer.extend_from_slice(&(text.len() as u16).to_le_bytes());
        answer.extend_from_slice(text.as_bytes());
        assert_eq!(tcp_port(&answer), Some(50123));
        assert_eq!(tcp_port(&answer[..8]), None);
        assert_eq!(tcp_port(b""), None);
    }
}
