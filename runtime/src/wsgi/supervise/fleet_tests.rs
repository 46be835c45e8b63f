use super::*;

fn fleet(processes: usize) -> Fleet {
    Fleet::new(Policy {
        processes,
        slots: processes * 4 + 8,
        graceful: 5_000,
        startup: 60_000,
        deadlock: Some(10_000),
    })
}

/// Steps until nothing more happens; started workers get process numbers from `next` on.
fn settle(fleet: &mut Fleet, now: u64, next: &mut u32) -> Vec<Action> {
    let mut all = Vec::new();
    loop {
        let actions = fleet.step(now);
        if actions.is_empty() || matches!(actions.last(), Some(Action::End(_))) {
            all.extend(actions);
            return all;
        }
        for action in &actions {
            if let Action::Start(slot) = action {
                *next += 1;
                fleet.started(*slot, *next);
            }
        }
        all.extend(actions);
    }
}

fn all_ready(fleet: &mut Fleet, now: u64, next: &mut u32) -> Vec<Action> {
    let mut all = settle(fleet, now, next);
    for _ in 0..50 {
        let processes: Vec<u32> = fleet.processes().map(|(_, process)| process).collect();
        processes.into_iter().for_each(|it| fleet.ready(it, now));
        let actions = settle(fleet, now, next);
        for action in &actions {
            if let Action::Retire(process) = action {
                fleet.exited(*process, true, "", now);
            }
        }
        all.extend(actions);
    }
    all
}

#[test]
fn the_first_is_started_alone_and_the_rest_when_it_is_ready() {
    let (mut fleet, mut next) = (fleet(3), 0);
    assert_eq!(settle(&mut fleet, 0, &mut next), [Action::Start(0)]);
    fleet.ready(1, 10);
    let started = [Action::Start(1), Action::Start(2)];
    assert_eq!(settle(&mut fleet, 10, &mut next), started);
    fleet.ready(2, 20);
    fleet.ready(3, 20);
    assert_eq!(settle(&mut fleet, 20, &mut next), [Action::Ready]);
}

#[test]
fn an_application_that_cannot_be_imported_ends_the_server() {
    let (mut fleet, mut next) = (fleet(2), 0);
    let mut now = 0;
    let mut starts = 0;
    let ended = (0..100).find_map(|_| {
        let actions = settle(&mut fleet, now, &mut next);
        if actions.contains(&Action::Start(0)) {
            starts += 1;
            fleet.exited(next, false, "exit status: 1", now);
        }
        now += 100;
        actions.into_iter().find_map(|action| match action {
            Action::End(status) => Some(status),
            _ => None,
        })
    });
    assert_eq!((ended, starts), (Some(1), ATTEMPTS));
}

#[test]
fn once_it_has_served_it_never_gives_up_and_waits_longer_each_time() {
    let (mut fleet, mut next) = (fleet(1), 0);
    all_ready(&mut fleet, 0, &mut next);
    let mut now = 0;
    let mut pauses = Vec::new();
    for _ in 0..12 {
        fleet.exited(next, false, "signal: 9", now);
        let began = now;
        while settle(&mut fleet, now, &mut next).is_empty() {
            now += 10;
        }
        pauses.push(now - began);
    }
    assert!(pauses.is_sorted(), "{pauses:?}");
    assert_eq!(pauses.first(), Some(&FIRST_DELAY));
    assert_eq!(pauses.last(), Some(&LONGEST_DELAY));
}

#[test]
fn a_reload_retires_a_worker_only_when_a_new_one_is_ready() {
    let (mut fleet, mut next) = (fleet(2), 0);
    all_ready(&mut fleet, 0, &mut next);
    fleet.reload();
    assert_eq!(settle(&mut fleet, 1, &mut next), [Action::Start(2)]);
    fleet.ready(3, 2);
    let actions = settle(&mut fleet, 2, &mut next);
    assert_eq!(actions, [Action::Retire(1), Action::Start(3)]);
    fleet.ready(4, 3);
    assert_eq!(settle(&mut fleet, 3, &mut next), [Action::Retire(2)]);
}

#[test]
fn a_reload_to_what_cannot_be_imported_leaves_the_old_workers() {
    let (mut fleet, mut next) = (fleet(2), 0);
    all_ready(&mut fleet, 0, &mut next);
    fleet.reload();
    for now in 1..200 {
        let actions = settle(&mut fleet, now * 100, &mut next);
        assert!(
            !actions
                .iter()
                .any(|it| matches!(it, Action::Retire(_) | Action::End(_)))
        );
        if actions.iter().any(|it| matches!(it, Action::Start(_))) {
            fleet.exited(next, false, "exit status: 1", now * 100);
        }
        [1, 2].into_iter().for_each(|it| fleet.beat(it, now * 100));
    }
    assert_eq!(fleet.ready_count(), 2);
}

#[test]
fn a_worker_without_a_sign_of_life_is_killed_and_replaced() {
    let (mut fleet, mut next) = (fleet(1), 0);
    all_ready(&mut fleet, 0, &mut next);
    fleet.beat(1, 9_000);
    assert_eq!(settle(&mut fleet, 19_000, &mut next), []);
    assert!(fleet.step(19_001).contains(&Action::Kill(1)));
    fleet.exited(1, false, "signal: 9", 19_002);
    let actions = settle(&mut fleet, 19_002 + FIRST_DELAY, &mut next);
    assert!(actions.iter().any(|it| matches!(it, Action::Start(_))));
}

#[test]
fn a_stop_is_graceful_and_then_forced() {
    let (mut fleet, mut next) = (fleet(2), 0);
    all_ready(&mut fleet, 0, &mut next);
    fleet.stop(0);
    let retired = [Action::Retire(1), Action::Retire(2)];
    assert_eq!(settle(&mut fleet, 100, &mut next), retired);
    fleet.exited(1, true, "exit status: 0", 200);
    assert!(fleet.step(100 + 5_000 + MARGIN).contains(&Action::Kill(2)));
    fleet.exited(2, false, "signal: 9", 8_000);
    assert_eq!(fleet.step(8_000), [Action::End(1)]);
}

/// Whatever comes, in any order: never fewer ready workers than wanted by its own doing, never more than the slots, no
/// slot twice, and a stop always comes to an end.
#[test]
fn any_order_of_events_keeps_the_promises() {
    for seed in 1..300_u64 {
        let mut random = seed;
        let mut draw = |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % below
        };
        let (mut fleet, mut next, mut now) = (fleet(1 + (seed % 4) as usize), 0, 0);
        all_ready(&mut fleet, now, &mut next);
        for _ in 0..200 {
            now += draw(3_000);
            let processes: Vec<u32> = fleet.processes().map(|(_, process)| process).collect();
            let one = processes
                .get(draw(processes.len().max(1) as u64) as usize)
                .copied();
            match (draw(7), one) {
                (0, Some(process)) => drop(fleet.exited(process, false, "", now)),
                (1 | 2, Some(process)) => fleet.ready(process, now),
                (3, Some(process)) => fleet.stale(process),
                (4, _) => fleet.reload(),
                (5, _) => fleet.resize(if draw(2) == 0 { 1 } else { -1 }),
                _ => {}
            }
            processes.iter().for_each(|it| fleet.beat(*it, now));
            let before = fleet.ready_count();
            let actions = settle(&mut fleet, now, &mut next);
            let least = before.min(fleet.policy.processes);
            assert!(fleet.ready_count() >= least, "seed {seed}: {actions:?}");
            let mut slots: Vec<_> = fleet.processes().map(|(slot, _)| slot).collect();
            assert!(slots.len() <= fleet.policy.slots);
            slots.sort_unstable();
            slots.dedup();
            assert_eq!(slots.len(), fleet.workers.len(), "seed {seed}");
        }
        fleet.stop(0);
        let mut ended = false;
        for _ in 0..10 {
            let actions = settle(&mut fleet, now, &mut next);
            ended |= actions.iter().any(|it| matches!(it, Action::End(_)));
            now += 10_000;
            for action in actions {
                if let Action::Kill(process) = action {
                    fleet.exited(process, false, "signal: 9", now);
                }
            }
        }
        assert!(ended, "seed {seed}");
    }
}

#[test]
fn one_that_was_still_starting_may_end_by_the_signal_that_stops_all() {
    let (mut fleet, mut next) = (fleet(2), 0);
    all_ready(&mut fleet, 0, &mut next);
    fleet.exited(1, false, "killed", 10);
    settle(&mut fleet, 2_000, &mut next);
    assert_eq!(fleet.processes().count(), 2);
    fleet.stop(0);
    settle(&mut fleet, 2_010, &mut next);
    fleet.exited(2, true, "", 2_020);
    fleet.exited(next, false, "terminated", 2_020);
    assert_eq!(settle(&mut fleet, 2_020, &mut next), [Action::End(0)]);
}
