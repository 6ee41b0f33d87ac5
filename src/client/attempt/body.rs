//! A response's body: unpacked, told by its first bytes, stamped, bounded.

use std::pin::pin;

use super::Reader;
use crate::client::body_kind::{BodyKind, kind_of};
use crate::client::transport::{ChunkStream, TimedChunk};
use crate::units::{Clock, Stamp};
use crate::wire::{ErrorClass, WireError, sse};

/// The most bytes that are read of an error's body.
const MAX_ERROR_BODY: usize = 64 << 10;

/// Bytes of an answer for each token that its limit allows: a token is four bytes of English, and
/// at most some dozens of any text.
const BYTES_PER_TOKEN: u64 = 32;

/// Bytes that a short answer may have all the same.
const SPARE_BYTES: u64 = 8 << 10;

impl Reader {
    /// Reads a response's body to its end, or until the answer is complete.
    pub(super) async fn body<B: ChunkStream>(
        &mut self,
        body: &mut B,
        clock: &Clock,
    ) -> Result<(), WireError> {
        let mut events = sse::Decoder::new();
        loop {
            let next = {
                let next = pin!(body.next());
                self.within_phase(clock, next).await
            };
            let chunk = match next {
                Ok(Ok(chunk)) => chunk,
                // The answer is complete, or an error is known by its status; how its connection ends does
                // not matter.
                _ if self.completed.is_some() || !self.is_success() => return Ok(()),
                Ok(Err(error)) => return Err(error.into()),
                Err(timeout) => return Err(timeout),
            };
            let Some(chunk) = chunk else { break };
            self.progress = chunk.at;
            self.record.stamps.first_byte.get_or_insert(chunk.at);
            let (at, mut packed) = (chunk.at, chunk.bytes);
            while !packed.is_empty() {
                match self.unpacked(&mut packed) {
                    Err(_) if self.completed.is_some() => return Ok(()),
                    bytes => self.piece(&mut events, &TimedChunk { at, bytes: bytes? })?,
                }
                if !self.is_success() && self.whole.len() >= MAX_ERROR_BODY {
                    return Ok(());
                }
            }
        }
        let now = clock.now();
        let bytes = self.unpack.rest();
        self.piece(&mut events, &TimedChunk { at: now, bytes })?;
        if self.kind.is_none() {
            self.decide(Some(BodyKind::Unclear))?;
            if self.kind == Some(BodyKind::Events) {
                let bytes = std::mem::take(&mut self.whole).into();
                self.events_of(&mut events, &TimedChunk { at: now, bytes })?;
            }
        }
        let rest = TimedChunk { at: now, bytes: bytes::Bytes::new() };
        if self.record.streamed { self.last_event(&mut events, &rest) } else { Ok(()) }
    }

    /// A piece of the body as it was before it was compressed.
    fn unpacked(&mut self, packed: &mut bytes::Bytes) -> Result<bytes::Bytes, WireError> {
        let bytes = self.unpack.next(packed).map_err(|error| WireError {
            class: ErrorClass::Protocol,
            detail: format!("the body is compressed, and does not unpack: {error}"),
        })?;
        self.read_bytes += bytes.len();
        if self.read_bytes <= self.limits.body_bytes {
            return Ok(bytes);
        }
        Err(too_large(format!("the body is larger than {} bytes", self.limits.body_bytes)))
    }

    /// Reads a piece of the body.
    fn piece(&mut self, events: &mut sse::Decoder, piece: &TimedChunk) -> Result<(), WireError> {
        if piece.bytes.is_empty() {
            return Ok(());
        }
        if self.kind == Some(BodyKind::Events) {
            self.events_of(events, piece)?;
            return self.bound_answer();
        }
        self.whole.extend_from_slice(&piece.bytes);
        if self.kind.is_none() {
            self.decide(kind_of(&self.whole))?;
        }
        if self.kind == Some(BodyKind::Events) {
            let bytes = std::mem::take(&mut self.whole).into();
            self.events_of(events, &TimedChunk { at: piece.at, bytes })?;
        } else if self.kind.is_some() {
            self.record.stamps.last_token = Some(piece.at);
        }
        self.bound_answer()
    }

    /// Settles the form of a body by its first bytes, else by its headers.
    fn decide(&mut self, kind: Option<BodyKind>) -> Result<(), WireError> {
        let kind = match kind {
            None => return Ok(()),
            Some(BodyKind::Unclear) if self.coding.is_some() && !self.whole.is_empty() => {
                BodyKind::Compressed
            }
            Some(BodyKind::Unclear) if self.is_named_events => BodyKind::Events,
            Some(BodyKind::Unclear) => BodyKind::Whole,
            Some(kind) => kind,
        };
        self.kind = Some(kind);
        self.record.streamed = kind == BodyKind::Events;
        if kind != BodyKind::Compressed {
            return Ok(());
        }
        let coding = self.coding.as_deref().unwrap_or("its headers do not say how");
        Err(WireError {
            class: ErrorClass::Protocol,
            detail: format!(
                "the body is compressed ({coding}), though identity was asked for; gzip and \
                 deflate are read"
            ),
        })
    }

    /// Cuts an answer that goes on far beyond its limit on tokens, or that holds more than its share
    /// of the memory of all.
    fn bound_answer(&mut self) -> Result<(), WireError> {
        if self.completed.is_some() {
            return Ok(());
        }
        let output = self.decoder.output_bytes();
        let most = |tokens: u64| tokens.saturating_mul(BYTES_PER_TOKEN).saturating_add(SPARE_BYTES);
        if let Some(tokens) = self.max_output.filter(|tokens| output as u64 > most(*tokens)) {
            return Err(too_large(format!(
                "the answer went on far beyond its limit of {tokens} tokens, and was cut after \
                 {output} bytes"
            )));
        }
        let gaps = self.record.gaps_us.len() * size_of::<u32>();
        if self.memory.hold(self.whole.len() + self.decoder.held_bytes() + gaps) {
            return Ok(());
        }
        Err(too_large(self.memory.excess()))
    }

    fn events_of(
        &mut self,
        events: &mut sse::Decoder,
        chunk: &TimedChunk,
    ) -> Result<(), WireError> {
        let mut tokens = 0;
        let mut failure = None;
        let fed = events.feed(&chunk.bytes, |event| {
            if failure.is_none() {
                failure = self.one_event(event, chunk.at, &mut tokens).err();
            }
        });
        self.record.token_reads += u32::from(tokens > 0);
        failure.map_or(Ok(()), Err)?;
        fed.map_err(|e| WireError { class: ErrorClass::TooLarge, detail: e.to_string() })
    }

    fn last_event(
        &mut self,
        events: &mut sse::Decoder,
        rest: &TimedChunk,
    ) -> Result<(), WireError> {
        let mut failure = None;
        let fed = events.finish(|event| {
            failure = self.one_event(event, rest.at, &mut 0).err();
        });
        failure.map_or(Ok(()), Err)?;
        fed.map_err(|e| WireError { class: ErrorClass::TooLarge, detail: e.to_string() })
    }

    fn one_event(
        &mut self,
        event: sse::Event<'_>,
        at: Stamp,
        tokens: &mut u32,
    ) -> Result<(), WireError> {
        let was_done = self.done;
        let seen = self.decoder.event(event.data)?;
        self.done |= seen.done;
        let goes_on = seen.token || (seen.done && !was_done);
        if self.decoder.is_complete() && (goes_on || self.completed.is_none()) {
            self.completed = Some(at);
        }
        self.record.reasoning_seen |= seen.reasoning;
        if seen.all_reasoning {
            self.record.stamps.first_output = None;
        }
        if !seen.token {
            return Ok(());
        }
        let stamps = &mut self.record.stamps;
        if let Some(last) = stamps.last_token {
            let gap = u32::try_from(at.since(last).as_micros()).unwrap_or(u32::MAX);
            self.record.gaps_us.push(gap);
        }
        self.last_token = at;
        stamps.first_token.get_or_insert(at);
        stamps.last_token = Some(at);
        if seen.held {
            self.held.get_or_insert(at);
        } else {
            let held = self.held.take().unwrap_or(at);
            if seen.output {
                stamps.first_output.get_or_insert(held);
            }
        }
        *tokens += 1;
        self.record.token_events += 1;
        Ok(())
    }
}

fn too_large(detail: String) -> WireError {
    WireError { class: ErrorClass::TooLarge, detail }
}
