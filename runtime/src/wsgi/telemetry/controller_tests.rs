//! The controller against simulated servers.

use platform::Words;

use super::*;
use crate::wsgi::telemetry::histogram::{BUCKETS, record};

/// A server whose figures depend on the interval alone, and drift with time.
struct Simulated {
    /// Requests a second at an interval, in microseconds.
    rate: fn(u32) -> f64,
    /// Seconds, the 95th percentile.
    wait: fn(u32) -> f64,
    /// Share of the threads' time.
    busy: f64,
    windows: u32,
}

impl Simulated {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn window(&mut self, interval: u32) -> Window {
        self.windows += 1;
        // Load that rises and falls by a tenth within a minute, and a little noise.
        let drift = 1.0
            + 0.1 * (f64::from(self.windows) / 10.0).sin()
            + 0.005 * f64::from(self.windows * 7 % 3);
        let rate = (self.rate)(interval);
        let served = if self.busy >= SATURATED {
            rate * drift
        } else {
            200.0 * drift
        };
        let words = Words::private(BUCKETS);
        let wait = (self.wait)(interval);
        for part in 0..100_u32 {
            let time = wait * f64::from(part) / 95.0;
            record(&words, (time * 1e9) as u64, 1);
        }
        let mut gil_wait = Counts::default();
        gil_wait.add_from(&words, 0);
        Window {
            seconds: 1.0,
            requests: served as u64,
            cpu: served / rate,
            busy: self.busy,
            gil_wait,
        }
    }

    /// Lets a controller work for some windows; the decisions and the intervals set.
    fn run(&mut self, controller: &mut Controller, windows: u32) -> (Vec<Decision>, Vec<u32>) {
        let (mut decisions, mut set, mut interval) =
            (Vec::new(), Vec::new(), controller.interval());
        for _ in 0..windows {
            let step = controller.next(&self.window(interval));
            if let Some(decision) = step.decision {
                // After what did not pay the interval is what it was.
                let kept = decision.verdict == Verdict::Kept;
                assert_eq!(
                    step.interval,
                    if kept { decision.tried } else { decision.from }
                );
                decisions.push(decision);
            }
            set.push(step.interval);
            interval = step.interval;
        }
        (decisions, set)
    }
}

fn wait_by_interval(interval: u32) -> f64 {
    0.001 + 3.0 * f64::from(interval) / 1e6
}

fn server(rate: fn(u32) -> f64, wait: fn(u32) -> f64, busy: f64) -> Simulated {
    Simulated {
        rate,
        wait,
        busy,
        windows: 0,
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
    let mut controller = Controller::new();
    let (decisions, _) = server(rate, wait_by_interval, 1.0).run(&mut controller, 300);
    assert_eq!(controller.interval(), 500);
    let lost = decisions
        .iter()
        .find(|it| it.tried == 200)
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
    let mut controller = Controller::new();
    server(rate, wait_by_interval, 1.0).run(&mut controller, 80);
    assert_eq!(controller.interval(), 2000);
}

#[test]
fn it_stays_where_nothing_is_gained() {
    let mut controller = Controller::new();
    let (decisions, set) = server(|_| 400.0, |_| 0.004, 1.0).run(&mut controller, 400);
    assert_eq!(controller.interval(), 5000);
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
        let (decisions, set) = server.run(&mut Controller::new(), 200);
        assert_eq!(decisions, []);
        assert!(set.iter().all(|it| *it == 5000));
    }
}

#[test]
fn few_requests_decide_nothing() {
    let mut controller = Controller::new();
    let (decisions, _) = server(|_| 10.0, wait_by_interval, 1.0).run(&mut controller, 100);
    assert!(decisions.iter().all(|it| it.verdict == Verdict::Quiet));
    assert!(!decisions.is_empty());
    assert_eq!(controller.interval(), 5000);
}

#[test]
fn a_leap_further_down_is_found() {
    let wait = |interval| if interval > 500 { 0.004 } else { 0.001 };
    let mut controller = Controller::new();
    server(|_| 400.0, wait, 1.0).run(&mut controller, 140);
    assert_eq!(controller.interval(), 500);
}

#[test]
fn never_below_the_least() {
    let mut controller = Controller::new();
    let (_, set) = server(|_| 400.0, |it| f64::from(it) * 1e-5, 1.0).run(&mut controller, 500);
    assert_eq!(controller.interval(), 50);
    assert_eq!(set.iter().min(), Some(&50));
}

#[test]
fn spare_capacity_may_be_spent() {
    // 4 % more processor time at each step.
    let rate = |interval| 400.0 * 0.96_f64.powi(step(interval));
    let mut controller = Controller::new();
    let (decisions, _) = server(rate, wait_by_interval, 0.4).run(&mut controller, 200);
    assert_eq!(controller.interval(), 500);
    assert!(decisions.iter().any(|it| it.verdict == Verdict::Costs));
}

#[test]
fn it_goes_back_when_the_load_changes() {
    let mut controller = Controller::new();
    server(|_| 400.0, wait_by_interval, 1.0).run(&mut controller, 150);
    assert!(controller.interval() <= 100);
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
    assert!(controller.interval() >= 2000, "{}", controller.interval());
}

#[test]
fn a_disturbed_round_decides_nothing() {
    let mut controller = Controller::new();
    let mut server = server(|_| 400.0, wait_by_interval, 1.0);
    let (mut interval, mut decisions) = (controller.interval(), Vec::new());
    for number in 0..60 {
        let mut window = server.window(interval);
        // Another program takes the machine while the other interval has its turn, in one round.
        if (5..7).contains(&number) {
            window.requests /= 2;
        }
        let step = controller.next(&window);
        interval = step.interval;
        decisions.extend(step.decision);
    }
    assert_eq!(decisions[0].verdict, Verdict::Kept, "{}", decisions[0]);
}
