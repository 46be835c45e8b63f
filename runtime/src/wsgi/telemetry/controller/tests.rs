//! The controller against simulated servers.
#![allow(clippy::unwrap_used)]

use platform::Words;

use super::*;
use crate::wsgi::telemetry::histogram::{BUCKETS, Counts, record};

type Figure = Box<dyn Fn(Setting) -> f64>;

/// A server whose figures depend on the setting alone, and drift with time.
struct Simulated {
    /// Requests a second.
    rate: Figure,
    /// Seconds, the 95th percentile of the waits for the GIL.
    wait: Figure,
    /// Seconds that a request waits for a thread.
    queue: Figure,
    /// Seconds that it takes with one, but for the GIL.
    work: f64,
    /// Share of the threads' time.
    busy: f64,
    /// Requests that are begun beyond the limit of threads, as a share.
    beyond: f64,
    windows: u32,
}

impl Simulated {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn window(&mut self, setting: Setting) -> Window {
        self.windows += 1;
        // Load that rises and falls by a tenth within a minute, and a little noise.
        let drift = 1.0
            + 0.1 * (f64::from(self.windows) / 10.0).sin()
            + 0.005 * f64::from(self.windows * 7 % 3);
        let rate = (self.rate)(setting);
        let served = if self.busy >= SATURATED {
            rate * drift
        } else {
            200.0 * drift
        };
        let words = Words::private(BUCKETS);
        let wait = (self.wait)(setting);
        for part in 0..100_u32 {
            let time = wait * f64::from(part) / 95.0;
            record(&words, (time * 1e9) as u64, 1);
        }
        let mut gil_wait = Counts::default();
        let waited = wait * 0.5 * served;
        gil_wait.add_from(&words, (waited * 1e9) as u64);
        let queue = (self.queue)(setting) * served;
        Window {
            seconds: 1.0,
            requests: served as u64,
            cpu: served / rate,
            busy: self.busy,
            response: queue + self.work * served + waited,
            queue,
            beyond: (self.beyond * served) as u64,
            gil_wait,
        }
    }

    /// Lets a controller work for some windows; the decisions and the intervals set.
    fn run(&mut self, controller: &mut Controller, windows: u32) -> (Vec<Decision>, Vec<u32>) {
        let (mut decisions, mut set, mut setting) = (Vec::new(), Vec::new(), controller.setting());
        for _ in 0..windows {
            let step = controller.next(&self.window(setting));
            if let Some(Told::Decision(decision)) = step.told {
                // After what did not pay the setting is what it was.
                let kept = decision.verdict == Verdict::Kept;
                assert_eq!(
                    step.setting,
                    if kept { decision.tried } else { decision.from }
                );
                decisions.push(decision);
            }
            set.push(step.setting.interval);
            setting = step.setting;
        }
        (decisions, set)
    }
}

fn wait_by_interval(interval: u32) -> f64 {
    0.001 + 3.0 * f64::from(interval) / 1e6
}

/// Of one thread; the figures depend on the interval.
fn server(rate: fn(u32) -> f64, wait: fn(u32) -> f64, busy: f64) -> Simulated {
    Simulated {
        rate: Box::new(move |it| rate(it.interval)),
        wait: Box::new(move |it| wait(it.interval)),
        queue: Box::new(|_| 0.0),
        work: 0.004,
        busy,
        beyond: 0.0,
        windows: 0,
    }
}

/// Threads that compute for 3 ms and sleep for 1 ms, 10 requests at once: each waits for the others. `rate` depends on the number
/// of threads.
fn computing(rate: fn(u32) -> f64) -> Simulated {
    let wait = |it: Setting| 0.0025 * f64::from(it.threads - 1);
    let thread = move |it: Setting| 0.004 + 0.5 * wait(it);
    Simulated {
        rate: Box::new(move |it| rate(it.threads)),
        wait: Box::new(wait),
        queue: Box::new(move |it| (10.0 / rate(it.threads) - thread(it)).max(0.0)),
        ..server(|_| 0.0, |_| 0.0, 1.0)
    }
}

#[test]
fn it_goes_as_far_as_throughput_allows() {
    // Half a percent per step down to 0.5 ms, then 10 %.
    let rate = |interval| match interval {
        1000.. => 380.0 - 2.0 * f64::from(5000 / interval),
        500 => 372.0,
        _ => 330.0,
    };
    let mut controller = Controller::new(1);
    let (decisions, _) = server(rate, wait_by_interval, 1.0).run(&mut controller, 300);
    assert_eq!(controller.setting().interval, 500);
    let lost = decisions
        .iter()
        .find(|it| it.tried.interval == 200)
        .map(|it| it.verdict);
    assert_eq!(lost, Some(Verdict::Loses));
    let told = decisions[0].to_string();
    assert!(
        told.contains("2 ms tried for 5 ms") && told.ends_with("kept"),
        "{told}"
    );
}

/// How far down the ladder an interval stands.
fn step(interval: u32) -> i32 {
    let position = LADDER.iter().position(|it| *it == interval);
    position.map_or(0, |it| it as i32)
}

#[test]
fn small_losses_add_up() {
    // 2 % at each step: the second would be 4 % together.
    let rate = |interval| 400.0 * 0.98_f64.powi(step(interval));
    let mut controller = Controller::new(1);
    server(rate, wait_by_interval, 1.0).run(&mut controller, 80);
    assert_eq!(controller.setting().interval, 2000);
}

#[test]
fn it_stays_where_nothing_is_gained() {
    let mut controller = Controller::new(1);
    let (decisions, set) = server(|_| 400.0, |_| 0.004, 1.0).run(&mut controller, 400);
    assert_eq!(controller.setting().interval, 5000);
    assert!(
        decisions
            .iter()
            .all(|it| it.verdict == Verdict::GainsLittle)
    );
    assert!(set.iter().all(|it| *it >= 50));
    // Pauses grow: trials take less than half of the time.
    assert!(set.iter().filter(|it| **it != 5000).count() < 160);
}

#[test]
fn it_does_not_try_without_waits_or_requests() {
    for mut server in [
        server(|_| 400.0, |_| 0.000_02, 1.0),
        server(|_| 0.0, wait_by_interval, 1.0),
    ] {
        let (decisions, set) = server.run(&mut Controller::new(1), 200);
        assert_eq!(decisions, []);
        assert!(set.iter().all(|it| *it == 5000));
    }
}

#[test]
fn a_load_that_comes_late_is_seen_soon() {
    let mut controller = Controller::new(5);
    server(|_| 0.0, wait_by_interval, 1.0).run(&mut controller, 5000);
    let (decisions, _) = computing(|_| 300.0).run(&mut controller, 30);
    assert_eq!(decisions[0].tried.threads, 2);
}

#[test]
fn few_requests_decide_nothing() {
    let mut controller = Controller::new(1);
    let (decisions, _) = server(|_| 10.0, wait_by_interval, 1.0).run(&mut controller, 100);
    assert!(decisions.iter().all(|it| it.verdict == Verdict::Quiet));
    assert!(!decisions.is_empty());
    assert_eq!(controller.setting().interval, 5000);
}

#[test]
fn a_leap_further_down_is_found() {
    let wait = |interval| if interval > 500 { 0.004 } else { 0.001 };
    let mut controller = Controller::new(1);
    server(|_| 400.0, wait, 1.0).run(&mut controller, 140);
    assert_eq!(controller.setting().interval, 500);
}

#[test]
fn never_below_the_least() {
    let mut controller = Controller::new(1);
    let (_, set) = server(|_| 400.0, |it| f64::from(it) * 1e-5, 1.0).run(&mut controller, 500);
    assert_eq!(controller.setting().interval, 50);
    assert_eq!(set.iter().min(), Some(&50));
}

#[test]
fn spare_capacity_may_be_spent() {
    // 4 % more processor time at each step.
    let rate = |interval| 400.0 * 0.96_f64.powi(step(interval));
    let mut controller = Controller::new(1);
    let (decisions, _) = server(rate, wait_by_interval, 0.4).run(&mut controller, 200);
    assert_eq!(controller.setting().interval, 500);
    assert!(decisions.iter().any(|it| it.verdict == Verdict::Costs));
}

#[test]
fn it_goes_back_when_the_load_changes() {
    let mut controller = Controller::new(1);
    server(|_| 400.0, wait_by_interval, 1.0).run(&mut controller, 150);
    assert!(controller.setting().interval <= 100);
    // Now short intervals cost a fifth at each step.
    let rate = |interval| {
        400.0
            * 0.8_f64.powi(
                LADDER
                    .iter()
                    .position(|it| *it == interval)
                    .map_or(0, |it| it as i32),
            )
    };
    server(rate, wait_by_interval, 1.0).run(&mut controller, 2500);
    assert!(
        controller.setting().interval >= 2000,
        "{}",
        controller.setting().interval
    );
}

#[test]
fn a_disturbed_round_decides_nothing() {
    let mut controller = Controller::new(1);
    let mut server = server(|_| 400.0, wait_by_interval, 1.0);
    let (mut setting, mut decisions) = (controller.setting(), Vec::new());
    for number in 0..60 {
        let mut window = server.window(setting);
        // Another program takes the machine while the other interval has its turn, in one round.
        if (5..7).contains(&number) {
            window.requests /= 2;
        }
        let step = controller.next(&window);
        setting = step.setting;
        decisions.extend(step.told);
    }
    let Told::Decision(first) = &decisions[0] else {
        panic!("{}", decisions[0]);
    };
    assert_eq!(first.verdict, Verdict::Kept, "{first}");
}

#[test]
fn threads_that_only_wait_for_each_other_become_fewer() {
    // One alone would leave the GIL idle while it sleeps.
    let mut controller = Controller::new(5);
    let (decisions, _) =
        computing(|threads| if threads > 1 { 300.0 } else { 240.0 }).run(&mut controller, 60);
    assert_eq!(controller.setting().threads, 2);
    let told = decisions[0].to_string();
    assert!(
        told.starts_with("threads at once: 2 tried for 5: gil_wait p95 ") && told.ends_with("kept"),
        "{told}"
    );
    // Two are the fewest.
    assert!(decisions.iter().all(|it| it.tried.threads >= 2));
}

#[test]
fn as_many_threads_as_throughput_needs() {
    let mut controller = Controller::new(5);
    let rate = |threads| if threads > 2 { 300.0 } else { 280.0 };
    let (decisions, _) = computing(rate).run(&mut controller, 60);
    assert_eq!(controller.setting().threads, 3);
    let tried: Vec<_> = decisions
        .iter()
        .map(|it| (it.tried.threads, it.verdict))
        .collect();
    assert_eq!(tried[..2], [(2, Verdict::Loses), (3, Verdict::Kept)]);
    // What was too few is not tried again at once.
    assert!(tried[2..].iter().take(3).all(|it| it.0 == 3));
}

#[test]
fn threads_stay_where_fewer_lose_throughput_or_time() {
    // A third of the work is done without the GIL.
    let mut controller = Controller::new(5);
    let mut parallel = computing(|threads| 80.0 * f64::from(threads.min(5)));
    let (decisions, _) = parallel.run(&mut controller, 40);
    assert_eq!(controller.setting().threads, 5);
    assert_eq!(decisions[0].verdict, Verdict::Loses);
    // Capacity to spare, but short requests come to wait behind long ones.
    let mut mixed = Simulated {
        queue: Box::new(|it| if it.threads < 5 { 0.02 } else { 0.0 }),
        busy: 0.5,
        ..computing(|_| 300.0)
    };
    let mut controller = Controller::new(5);
    let (decisions, _) = mixed.run(&mut controller, 40);
    assert_eq!(controller.setting().threads, 5);
    assert_eq!(decisions[0].verdict, Verdict::Slows, "{}", decisions[0]);
}

#[test]
fn threads_that_do_not_wait_for_the_gil_are_left_alone() {
    let mut controller = Controller::new(5);
    let mut sleeping = Simulated {
        wait: Box::new(|_| 0.0003),
        work: 0.2,
        ..computing(|_| 25.0)
    };
    let (decisions, _) = sleeping.run(&mut controller, 200);
    assert!(decisions.iter().all(|it| it.tried.threads == 5));
}

#[test]
fn the_last_requests_of_a_load_bring_no_threads_back() {
    let mut controller = Controller::new(8);
    computing(|_| 300.0).run(&mut controller, 70);
    controller.state = State::Holding(1000);
    let setting = controller.setting();
    assert_eq!(setting.threads, 2);
    let mut server = computing(|_| 300.0);
    let mut end = server.window(setting);
    (end.requests, end.beyond, end.cpu) = (12, 8, 0.1 * end.seconds);
    // Loads that come and go: each has an end, and then nothing comes.
    for _ in 0..20 {
        let nothing = Window {
            seconds: end.seconds,
            ..Window::default()
        };
        for window in [&server.window(setting), &end, &nothing, &nothing] {
            let step = controller.next(window);
            assert_eq!(step.setting, setting);
            assert!(step.told.is_none());
        }
    }
    // Few requests, but always such.
    let told: Vec<_> = (0..EVIDENCE.1)
        .filter_map(|_| controller.next(&end).told)
        .collect();
    assert_eq!(
        told,
        [Told::Release(Release {
            from: 2,
            to: 8,
            beyond: 8.0 / 12.0,
            processors: 0.1
        })]
    );
}

#[test]
fn all_threads_come_back_when_the_load_changes() {
    for change in 0..2 {
        let mut controller = Controller::new(8);
        computing(|_| 300.0).run(&mut controller, 70);
        assert_eq!(controller.setting().threads, 2);
        // While nothing is tried.
        controller.state = State::Holding(9);
        let mut server = computing(|_| 300.0);
        server.beyond = 0.5;
        let mut window = server.window(controller.setting());
        window.cpu = [0.3, 1.9][change];
        let step = controller.next(&window);
        assert_eq!(step.setting.threads, 8);
        let told = step.told.unwrap().to_string();
        assert!(
            told.starts_with("threads at once: 8 again after 2: "),
            "{told}"
        );
    }
    // Slowly: waits are what they were, but more would do more.
    let mut controller = Controller::new(8);
    computing(|_| 300.0).run(&mut controller, 70);
    computing(|threads| 100.0 * f64::from(threads)).run(&mut controller, 600);
    assert!(controller.setting().threads > 2);
}
