//! The runtime of the Python package always has somebody who drives it (`python/src/driver.rs`): whoever waits, or else the kept
//! thread. An extension module has no interpreter of its own to link with, so this part of it is tested here.

#[path = "../../../python/src/driver.rs"]
mod driver;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use driver::Driver;

/// Nothing here takes a hundredth of it, unless nobody drives.
const LONG: Duration = Duration::from_secs(20);

fn started() -> Driver {
    Driver::start().expect("a thread for it")
}

/// Waits for nothing but the time.
fn waited(driver: &Driver, time: Duration) -> Result<(), driver::Over> {
    driver.block_on(async { tokio::time::sleep(time).await })
}

/// Begins something that takes a little, and waits for it without driving.
fn goes_on(driver: &Driver) {
    let (done, heard) = mpsc::channel();
    driver.handle().spawn(async move {
        tokio::time::sleep(Duration::from_millis(3)).await;
        done.send(()).expect("somebody listens");
    });
    heard.recv_timeout(LONG).expect("it went on");
}

#[test]
fn what_was_begun_goes_on_while_nobody_waits() {
    let driver = started();
    for round in 0..200 {
        goes_on(&driver);
        // The kept thread takes over after no wait, after a short one and after one during which it fell asleep.
        waited(&driver, Duration::from_millis(round % 8)).expect("it is not over");
    }
    driver.end(LONG);
}

#[test]
fn a_wait_hears_what_another_thread_says() {
    let driver = started();
    for round in 0..200 {
        let (say, hear) = tokio::sync::oneshot::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(round % 5));
                say.send(round).expect("somebody listens");
            });
            let heard =
                driver.block_on(async { tokio::time::timeout(LONG, hear).await }).expect("it is not over");
            assert_eq!(heard.expect("in time"), Ok(round));
        });
    }
    driver.end(LONG);
}

#[test]
fn many_threads_that_wait_at_once_are_all_answered() {
    let driver = started();
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..50_u64 {
            let (driver, answered) = (&driver, &answered);
            scope.spawn(move || {
                for round in 0..40_u64 {
                    let asked = async move {
                        let pause = Duration::from_micros((thread * 37 + round * 91) % 2500);
                        let task = tokio::spawn(async move {
                            tokio::time::sleep(pause).await;
                            thread + round
                        });
                        tokio::time::timeout(LONG, task).await
                    };
                    let answer = driver.block_on(asked).expect("it is not over");
                    assert_eq!(answer.expect("in time").expect("no panic"), thread + round);
                    answered.fetch_add(1, Ordering::Relaxed);
                    if round % 16 == 0 {
                        goes_on(driver);
                    }
                }
            });
        }
    });
    assert_eq!(answered.into_inner(), 50 * 40);
    driver.end(LONG);
}

#[test]
fn the_network_is_heard_whoever_drives() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let driver = started();
    let listener =
        driver.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("not over").expect("a port");
    let address = listener.local_addr().expect("an address");
    driver.handle().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut byte = [0];
                while stream.read_exact(&mut byte).await.is_ok() && stream.write_all(&byte).await.is_ok() {}
            });
        }
    });
    let echoed = |byte: u8| async move {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        stream.write_all(&[byte]).await?;
        stream.read_u8().await
    };
    for byte in 0..100 {
        // The question of another program, while nobody of ours waits.
        let mut foreign = std::net::TcpStream::connect(address).expect("it listens");
        foreign.set_read_timeout(Some(LONG)).expect("a bound");
        std::io::Write::write_all(&mut foreign, &[byte]).expect("it reads");
        let mut heard = [0];
        std::io::Read::read_exact(&mut foreign, &mut heard).expect("it answers");
        assert_eq!(heard, [byte]);
        let heard = driver
            .block_on(async { tokio::time::timeout(LONG, echoed(byte)).await })
            .expect("it is not over");
        assert_eq!(heard.expect("in time").expect("an answer"), byte);
    }
    driver.end(LONG);
}

#[test]
fn an_end_takes_the_runtime_from_those_who_come_back_and_no_one_waits_afterwards() {
    let driver = started();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // As every wait of the package does: in slices.
                while !is_over.load(Ordering::SeqCst) {
                    if waited(&driver, Duration::from_millis(20)).is_err() {
                        break;
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(50));
        is_over.store(true, Ordering::SeqCst);
        driver.end(LONG);
    });
    assert!(driver.is_over());
    assert!(driver.block_on(async {}).is_err(), "it is over");
    // What is begun afterwards is dropped, and does not wait.
    assert!(driver.handle().spawn(std::future::pending::<()>()).is_finished());
}

#[test]
fn an_end_does_not_wait_for_a_thread_that_does_not_come_back() {
    let driver = started();
    let (leave, left) = tokio::sync::oneshot::channel::<()>();
    std::thread::scope(|scope| {
        let stays = scope.spawn(|| driver.block_on(left).map(drop));
        std::thread::sleep(Duration::from_millis(30));
        let began = Instant::now();
        driver.end(Duration::from_millis(100));
        assert!(began.elapsed() < LONG);
        leave.send(()).expect("it still waits");
        assert!(stays.join().expect("no panic").is_ok());
    });
}
