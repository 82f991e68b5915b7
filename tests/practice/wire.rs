//! The practice server at byte level.

use crate::tds::{Client, Reply, Token, headers};
use secrecy::ExposeSecret as _;
use std::sync::OnceLock;
use stopat::{
    domain::UtcTime,
    practice::{
        ClockChoice, PracticeOptions, PracticeServer, WorldFolder,
        value::{SqlType, Value},
        wire::{bytes::put_utf16, cell, packet::kind, type_info},
    },
};

/// A server without a world, for all tests of this file.
fn server() -> &'static PracticeServer {
    static SERVER: OnceLock<(tempfile::TempDir, tokio::runtime::Runtime, PracticeServer)> =
        OnceLock::new();
    let (_, _, server) = SERVER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let options = PracticeOptions {
            days: 0,
            clock: ClockChoice::Frozen,
            now: Some(UtcTime("2026-11-22T07:30:00Z".parse().expect("a time"))),
            ..PracticeOptions::new(WorldFolder::Kept(folder.path().to_owned()))
        };
        let server = runtime
            .block_on(PracticeServer::start(options))
            .expect("a server");
        (folder, runtime, server)
    });
    server
}

fn client() -> Client {
    sized_client(4096).0
}

fn sized_client(packet_bytes: u32) -> (Client, Reply) {
    let server = server();
    Client::sign_in(
        server.address(),
        PracticeServer::USER,
        server.password().expose_secret(),
        "",
        packet_bytes,
    )
}

const MORE: u16 = 0x01;
const ERROR: u16 = 0x02;
const COUNT: u16 = 0x10;
const ATTENTION: u16 = 0x20;

#[test]
fn it_listens_on_loopback_only() {
    assert!(server().address().ip().is_loopback());
}

#[test]
fn sign_in_answers_in_the_order_of_the_real_server() {
    let (_, reply) = sized_client(8000);
    let kinds: Vec<String> = reply
        .tokens
        .iter()
        .map(|token| match token {
            Token::EnvChange(kind) => format!("env {kind}"),
            Token::Info { number, .. } => number.to_string(),
            Token::LoginAck => "ack".to_owned(),
            Token::Done { status, .. } => format!("done {status}"),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "env 1", "5701", "env 7", "env 2", "5703", "ack", "env 4", "done 0"
        ]
    );
}

#[test]
fn a_wrong_password_and_a_wrong_name_say_the_same() {
    let server = server();
    for (user, password) in [
        (PracticeServer::USER, "wrong"),
        ("nobody", server.password().expose_secret()),
        (PracticeServer::USER, ""),
    ] {
        let (mut client, reply) = Client::sign_in(server.address(), user, password, "", 4096);
        assert_eq!(
            reply.tokens.first(),
            Some(&Token::Error {
                number: 18_456,
                class: 14,
                state: 1,
                text: format!("Login failed for user '{user}'."),
            })
        );
        assert_eq!(reply.dones(), [(0xfd, ERROR, 0)]);
        assert!(client.is_closed());
    }
}

#[test]
fn an_unknown_database_refuses_the_sign_in() {
    let server = server();
    let password = server.password().expose_secret();
    let (mut client, reply) = Client::sign_in(server.address(), "sa", password, "not there", 4096);
    assert_eq!(reply.errors(), [4060, 18_456]);
    assert!(client.is_closed());
}

#[test]
fn every_statement_of_a_batch_has_its_done_and_only_the_last_ends_it() {
    let reply = client().batch("SELECT 1 AS a; SELECT N'two' AS b;");
    assert_eq!(
        reply.values(),
        [[Value::Int(1)], [Value::Text("two".to_owned())]]
    );
    assert_eq!(
        reply.dones(),
        [(0xfd, MORE | COUNT, 193), (0xfd, COUNT, 193)]
    );
}

#[test]
fn an_error_does_not_end_the_connection() {
    let mut client = client();
    let reply = client.batch("RAISERROR(N'told', 16, 3)");
    assert!(reply.tokens.contains(&Token::Error {
        number: 50_000,
        class: 16,
        state: 3,
        text: "told".to_owned(),
    }));
    assert_eq!(
        reply
            .dones()
            .last()
            .map(|(_, status, _)| status & (MORE | ERROR)),
        Some(ERROR)
    );
    assert_eq!(client.batch("SELECT 1").values(), [[Value::Int(1)]]);
}

#[test]
fn replies_come_in_packets_of_the_size_agreed_on() {
    let text = "SELECT REPLICATE(CAST(N'ж' AS nvarchar(max)), 5000)";
    for size in [512, 4096, 32_767] {
        let (mut client, _) = sized_client(size);
        let reply = client.batch(text);
        assert_eq!(reply.values(), [[Value::Text("ж".repeat(5_000))]]);
        let (last, full) = reply.packets.split_last().expect("a packet");
        assert!(full.iter().all(|n_bytes| *n_bytes == size as usize));
        assert!(*last <= size as usize);
    }
}

#[test]
fn a_batch_in_many_packets_is_one_batch() {
    let (mut client, _) = sized_client(512);
    let reply = client.batch(&format!("SELECT N'{}' AS a", "x".repeat(3_000)));
    assert_eq!(reply.values(), [[Value::Text("x".repeat(3_000))]]);
}

#[test]
fn attention_ends_the_message_and_is_acknowledged_in_a_second_one() {
    let mut client = client();
    client.send_batch("SELECT 1; WAITFOR DELAY '00:00:30'; SELECT 2");
    // Nothing tells when the wait has begun; attention is heard at any time.
    client.send(kind::ATTENTION, &[]);
    let ended = client.read_reply();
    assert!(!ended.values().contains(&vec![Value::Int(2)]));
    let last = ended.dones().last().copied().expect("an end");
    assert_eq!(last.1 & (MORE | ATTENTION), 0);
    let acknowledged = client.read_reply();
    assert_eq!(acknowledged.dones(), [(0xfd, ATTENTION, 0)]);
    assert_eq!(client.batch("SELECT 3").values(), [[Value::Int(3)]]);
}

#[test]
fn attention_after_the_end_is_only_acknowledged() {
    let mut client = client();
    client.batch("SELECT 1");
    client.send(kind::ATTENTION, &[]);
    assert_eq!(client.read_reply().dones(), [(0xfd, ATTENTION, 0)]);
    assert_eq!(client.batch("SELECT 2").values(), [[Value::Int(2)]]);
}

#[test]
fn a_killed_session_hears_it_and_is_closed() {
    let (mut victim, mut other) = (client(), client());
    let id = victim.batch("SELECT CAST(@@SPID AS int)").values();
    let [Value::Int(id)] = id[0][..] else {
        panic!("{id:?} is no session id");
    };
    victim.send_batch("WAITFOR DELAY '00:00:30'");
    assert!(other.batch(&format!("KILL {id}")).errors().is_empty());
    assert_eq!(victim.read_reply().errors(), [596]);
    assert!(victim.is_closed());
    assert_eq!(other.batch("SELECT 1").values(), [[Value::Int(1)]]);
}

#[test]
fn a_call_ends_with_its_status_its_outputs_and_doneproc() {
    let mut client = client();
    let mut payload = headers();
    // sp_executesql by number.
    payload.extend([0xff, 0xff, 10, 0, 0, 0]);
    for text in ["SET @n = @n + 1; SELECT @n AS n", "@n int OUTPUT"] {
        payload.extend([0, 0]);
        let ty = SqlType::NVarChar(stopat::practice::value::Length::Limited(4000));
        type_info::encode(&mut payload, ty);
        cell::encode(&mut payload, ty, &Value::Text(text.to_owned()));
    }
    payload.push(2);
    put_utf16(&mut payload, "@n", 2);
    payload.push(1);
    type_info::encode(&mut payload, SqlType::Int);
    cell::encode(&mut payload, SqlType::Int, &Value::Int(41));
    client.send(kind::RPC, &payload);
    let reply = client.read_reply();
    assert_eq!(reply.values(), [[Value::Int(42)]]);
    let after_rows: Vec<&Token> = reply
        .tokens
        .iter()
        .skip_while(|token| !matches!(token, Token::ReturnStatus(_)))
        .collect();
    assert_eq!(after_rows.first(), Some(&&Token::ReturnStatus(0)));
    assert!(after_rows.contains(&&Token::ReturnValue("@n".to_owned(), Value::Int(42))));
    assert_eq!(reply.dones().last(), Some(&(0xfe, 0, 224)));
    assert!(reply.dones().iter().any(|(token, ..)| *token == 0xff));
}

#[test]
fn a_reset_forgets_the_session() {
    const RESET: u8 = 0x08;
    let mut client = client();
    client.batch("CREATE TABLE #t (k int); USE msdb");
    let mut payload = headers();
    put_utf16(&mut payload, "SELECT OBJECT_ID('tempdb..#t') AS id", 100);
    client.send_with_status(kind::BATCH, &payload, RESET);
    let reply = client.read_reply();
    assert_eq!(reply.tokens.first(), Some(&Token::EnvChange(18)));
    assert_eq!(reply.values(), [[Value::Null]]);
}

#[test]
fn a_message_that_is_no_tds_is_refused_and_others_go_on() {
    let mut broken = client();
    broken.send(kind::BATCH, &[1, 2, 3]);
    assert_eq!(broken.read_reply().errors(), [4002]);
    assert!(broken.is_closed());
    let mut client = client();
    client.send(kind::RPC, &headers());
    assert_eq!(client.read_reply().errors(), [4002]);
}
