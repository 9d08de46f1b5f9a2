use super::*;

fn operation(time_ns: i64, command: Command, latency_ns: Option<i64>) -> TimedOperation<'static> {
    TimedOperation { time_ns, command, frame: 3, latency_ns, bytes_read: 0, bytes_written: 0, trouble: None }
}

#[test]
fn series_count_by_command_and_trouble_in_any_order() {
    let mut series = TimeSeries::new(10);
    for (second, status) in [(9, Some("B")), (0, None), (3, Some("A")), (9, Some("B")), (-1, None)] {
        let mut read = operation(second * 1_000_000_000, Command::Read, None);
        (read.bytes_read, read.trouble) = (100, status.map(Cow::Borrowed));
        series.add(&read);
    }
    series.add(&operation(4_200_000_000, Command::Unknown(77), None));
    let report = series.report();
    assert_eq!((report.begin_ns, report.width_ns), (-5_000_000_000, 5_000_000_000));
    assert_eq!(report.bytes_read, [100, 200, 200]);
    let named = |counts: &[NamedCounts]| -> Vec<(String, Vec<u64>)> {
        counts.iter().map(|named| (named.name.clone(), named.counts.clone())).collect()
    };
    assert_eq!(named(&report.commands), [("READ".into(), vec![1, 2, 2]), ("unknown".into(), vec![0, 1, 0])]);
    assert_eq!(named(&report.troubles), [("B".into(), vec![0, 0, 2]), ("A".into(), vec![0, 1, 0])]);
}

#[test]
fn any_number_of_statuses_has_a_bounded_number_of_names_and_none_is_lost() {
    let mut series = TimeSeries::new(10);
    for status in 0..1000 {
        let mut failed = operation(0, Command::Create, None);
        failed.trouble = Some(format!("0x{status:x}").into());
        series.add(&failed);
    }
    let troubles = series.report().troubles;
    assert!(troubles.len() < 100);
    assert_eq!(troubles.iter().flat_map(|trouble| &trouble.counts).sum::<u64>(), 1000);
    assert_eq!(troubles[0].name, "others");
}

#[test]
fn a_heat_map_counts_what_was_answered_by_the_class_of_its_latency() {
    let mut heat = HeatMap::new(100);
    for (command, latency) in [
        (Command::Read, Some(999)),
        (Command::Read, Some(1_000)),
        (Command::Read, Some(1_499)),
        (Command::Create, Some(7_000_000)),
        (Command::Create, Some(-5)),
        (Command::Close, None),
        (Command::Create, Some(i64::MAX)),
    ] {
        heat.add(&operation(500, command, latency));
    }
    let report = heat.report();
    assert_eq!(report.bounds_ns[..7], [1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000]);
    let seven_ms = 1 + report.bounds_ns.iter().position(|bound| *bound == 7_000_000).unwrap();
    let last = report.bounds_ns.len();
    let cells: Vec<_> = report.commands.iter().map(|heat| (heat.name.as_str(), heat.cells.clone())).collect();
    assert_eq!(
        cells,
        [("CREATE", vec![(0, 0, 1), (0, seven_ms, 1), (0, last, 1)]), ("READ", vec![(0, 0, 1), (0, 1, 2)]),]
    );
}

#[test]
fn too_many_operations_are_thinned_evenly_and_it_is_said() {
    let mut points = OperationPoints::new(100);
    for session in 0..2 {
        points.begin_session();
        for at in 0..150 {
            points.add(&operation(session * 10 + at, Command::Read, Some(at)));
        }
    }
    let report = points.report();
    assert_eq!((report.total, report.every, report.time.len()), (300, 4, 75));
    assert_eq!(report.sessions, [0, 38]);
    assert_eq!(report.time[..3], [0, 4, 4]);
    assert_eq!(report.latency[..3], [0, 4, 8]);
    assert_eq!(report.frame[..2], [3, 0]);
    let mut few = OperationPoints::new(100);
    few.add(&operation(5, Command::Create, None));
    let report = few.report();
    assert_eq!((report.every, &report.latency[..], &report.kind[..]), (1, &[-1][..], &[10][..]));
    assert_eq!(report.commands[5], "CREATE");
}

#[test]
fn distributions_begin_with_all_and_leave_out_what_was_not_answered() {
    let mut distributions = Distributions::default();
    assert!(distributions.report().is_empty());
    for (command, latency) in [(Command::Write, Some(3)), (Command::Create, Some(5)), (Command::Lock, None)] {
        distributions.add(&operation(0, command, latency));
    }
    let report = distributions.report();
    let found: Vec<_> = report.iter().map(|of| (of.name.as_str(), of.count, &of.points[..])).collect();
    assert_eq!(found, [("all", 2, &[(3, 1), (5, 2)][..]), ("CREATE", 1, &[(5, 1)]), ("WRITE", 1, &[(3, 1)])]);
}
