//! One connection that is kept: a request, its answer, the next request.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;

use super::target::Transport;
use super::{Error, Target};

/// A connection to the server.
pub struct Connection {
    requests: SendRequest<Full<Bytes>>,
    /// What moves the bytes. It is polled only while an answer is awaited, by whoever awaits it: a task of its own would
    /// have to be woken for every request and answer. Nothing once the connection has closed.
    driver: Option<Driver>,
}

type Driver = Pin<Box<http1::Connection<TokioIo<Transport>, Full<Bytes>>>>;

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Connection {
    /// Opens a connection.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn open(target: &Target) -> Result<Self, Error> {
        let transport = TokioIo::new(target.open().await?);
        let (requests, driver) = http1::handshake(transport).await?;
        Ok(Self {
            requests,
            driver: Some(Box::pin(driver)),
        })
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// [`Error::Gone`].
    pub async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
        let Self { requests, driver } = self;
        let answer = async {
            let (head, body) = requests.send_request(request).await?.into_parts();
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: body.collect().await?.to_bytes(),
            })
        };
        let mut answer = pin!(answer);
        let driven = poll_fn(|context| {
            if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            if let Some(open) = driver
                && open.as_mut().poll(context).is_ready()
            {
                *driver = None;
            }
            // What the driver has just done may be what is waited for.
            answer.as_mut().poll(context)
        });
        driven.await
    }
}
