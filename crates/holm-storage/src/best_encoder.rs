//! Making forms as small as can be, where it disturbs nobody: on one thread that runs only when no other
//! wants the processor.

use std::io;
use std::thread;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::ContentCoding;
use crate::compress::compress_best;

/// The lowest priority there is (setpriority(2)): about a seventieth of what a usual thread gets beside it.
const LOWEST_PRIORITY: i32 = 19;

/// Jobs that wait for the thread; whoever has another waits.
const WAITING_MAX: usize = 1;

/// The best forms of one blob; `None` where none is worth keeping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BestForms {
    /// Brotli, quality 11.
    pub br: Option<Bytes>,
    /// Zstandard, level 19.
    pub zstd: Option<Bytes>,
}

#[derive(Debug)]
struct Job {
    bytes: Bytes,
    done: oneshot::Sender<BestForms>,
}

/// The thread. It ends when this is dropped, after the job that it is at.
#[derive(Debug)]
pub struct BestEncoder {
    jobs: mpsc::Sender<Job>,
}

impl BestEncoder {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel(WAITING_MAX);
        thread::Builder::new()
            .name("holm-encoder".to_owned())
            .spawn(move || encode_all(queue))?;
        Ok(Self { jobs })
    }

    /// Makes the best forms: about two seconds for a megabyte on an idle machine, many times that on a
    /// busy one. A caller that gives up before leaves the thread busy until that job is done. `None`
    /// when the thread is gone, which only a panic of an encoder brings about.
    pub async fn encode(&self, bytes: Bytes) -> Option<BestForms> {
        let (done, forms) = oneshot::channel();
        self.jobs.send(Job { bytes, done }).await.ok()?;
        forms.await.ok()
    }
}

fn encode_all(mut queue: mpsc::Receiver<Job>) {
    // Linux counts priority by thread. Where it cannot be lowered the work is done all the same.
    rustix::process::setpriority_process(None, LOWEST_PRIORITY).ok();
    while let Some(job) = queue.blocking_recv() {
        if job.done.is_closed() {
            continue;
        }
        let encode = |coding| compress_best(&job.bytes, coding).map(Bytes::from);
        let forms = BestForms {
            br: encode(ContentCoding::Br),
            zstd: encode(ContentCoding::Zstd),
        };
        // Whoever asked may have given up.
        drop(job.done.send(forms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_thread_encodes_at_the_lowest_priority() {
        let encoder = BestEncoder::start().unwrap();
        let text = Bytes::from("the same words again and again ".repeat(100));
        let forms = encoder.encode(text.clone()).await.unwrap();
        assert!(forms.br.unwrap().len() < 200 && forms.zstd.unwrap().len() < 200);
        let noise = Bytes::from_static(&[1, 2, 3]);
        assert_eq!(encoder.encode(noise).await, Some(BestForms::default()));
        // Field 19 of its stat line (proc(5)), the seventeenth behind the name.
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let nice = tasks.map(|task| {
            let line = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            let (name, rest) = line.rsplit_once(')').unwrap();
            let nice = rest.split_whitespace().nth(16).unwrap().to_owned();
            (name.contains("holm-encoder"), nice)
        });
        for (is_encoder, nice) in nice.collect::<Vec<_>>() {
            assert_eq!(nice == "19", is_encoder, "only the encoder steps back");
        }
    }
}
