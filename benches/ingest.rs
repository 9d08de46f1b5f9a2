//! The stages of an ingest, one by one, over the project's own fixtures: `cargo bench`. docs/performance.md has the figures of
//! the whole.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smbreplay::analyse::{Pairing, WindowLimits};
use smbreplay::capture::{CaptureReader, Progress, ReaderOptions};
use smbreplay::model::message::{Request, Response};
use smbreplay::model::{CaptureEvent, Header, Operation};
use smbreplay::store::{RowGroupEncoder, operations_to_batch};

fn fixture(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(case).join("capture.pcapng")
}

fn events(case: &str) -> Vec<CaptureEvent> {
    let reader = CaptureReader::open(vec![fixture(case)], ReaderOptions::default(), Progress::default()).unwrap();
    let mut events = Vec::new();
    reader.run(|event| events.push(event)).unwrap();
    events
}

fn pair(events: &[CaptureEvent]) -> Vec<Operation> {
    let (mut pairing, mut operations) = (Pairing::new(WindowLimits::default()), Vec::new());
    for event in events {
        pairing.push(event.clone(), &mut |paired| operations.push(paired.operation));
    }
    pairing.finish(&mut |paired| operations.push(paired.operation));
    operations
}

/// Packets, link layers, reassembly, framing, chains.
fn reassembly(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("capture");
    for case in ["many-sessions", "big-transfer"] {
        group.throughput(Throughput::Bytes(std::fs::metadata(fixture(case)).unwrap().len()));
        group.bench_function(case, |bencher| bencher.iter(|| black_box(events(case).len())));
    }
}

/// Headers and bodies.
fn decode(criterion: &mut Criterion) {
    let events = events("many-sessions");
    let pdus: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            CaptureEvent::Pdu(pdu) => Some(pdu.bytes.clone()),
            _ => None,
        })
        .collect();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(pdus.len() as u64));
    group.bench_function("header and body", |bencher| {
        bencher.iter(|| {
            for pdu in &pdus {
                let header = Header::decode(pdu).unwrap();
                if header.flags.is_response() {
                    black_box(Response::decode(header.command, header.status, pdu).is_ok());
                } else {
                    black_box(Request::decode(header.command, pdu).is_ok());
                }
            }
        });
    });
}

fn pairing(criterion: &mut Criterion) {
    let events = events("many-sessions");
    let mut group = criterion.benchmark_group("pairing");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("many-sessions", |bencher| bencher.iter(|| black_box(pair(&events).len())));
}

fn parquet(criterion: &mut Criterion) {
    let rows: Vec<_> = std::iter::repeat_with(|| pair(&events("many-sessions"))).take(20).flatten().collect();
    let encoder = RowGroupEncoder::new(&[]).unwrap();
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("arrow", |bencher| {
        bencher.iter(|| black_box(operations_to_batch(&rows).unwrap().num_rows()))
    });
    group.bench_function("row group", |bencher| bencher.iter(|| black_box(encoder.encode(&rows).unwrap().rows)));
}

criterion_group!(benches, reassembly, decode, pairing, parquet);
criterion_main!(benches);
