//! The lab of `echo-server`: with `--clients`, a server and its clients before one's eyes.

use super::{Fatal, Streams, lab};
use crate::kernel::{Live, actor};
use crate::lab::{EchoMoment, EchoPlan, Outcome, Problem, Role, SERVER, Scene, Tables, drive_echo};
use crate::model::Step;
use crate::view::exchange as view;
use crate::view::lab::{Narrator, opening};
use crate::view::moments::held;
use crate::view::{LabDocument, MomentRecord, Style, lab_document, lang};
use std::ffi::{CString, OsString};
use std::io::Write;
use std::time::{Duration, SystemTime};

/// What to show of the lab.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Show a whole lesson instead: a server, N real clients, and each step of theirs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=9))]
    clients: Option<u8>,
    /// Wait for Enter, read from the terminal, at each step of the lesson
    #[arg(long, requires = "clients")]
    step: bool,
    /// Keep the lesson's processes standing when all are connected until Enter
    #[arg(long, requires = "clients")]
    hold: bool,
    /// Which whole tables the lesson shows
    #[arg(long, value_enum, value_name = "WHICH", default_value = "all", requires = "clients")]
    tables: TablesArg,
    /// How the lesson prints
    #[arg(long, value_enum, default_value = "text", requires = "clients")]
    format: lab::Format,
    /// End the lesson when nothing happens for so long
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = super::seconds, requires = "clients")]
    timeout: Duration,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum TablesArg {
    /// At each moment that is worth a look
    All,
    /// When all clients are connected, and after the end
    Connected,
    /// None
    None,
}

impl From<TablesArg> for Tables {
    fn from(which: TablesArg) -> Self {
        match which {
            TablesArg::All => Self::All,
            TablesArg::Connected => Self::Exec,
            TablesArg::None => Self::None,
        }
    }
}

/// The argument that makes this program the server of the lab; where it listens and its model follow.
pub const ROLE: &str = "echo-server-role";

impl Options {
    /// Whether the lab is asked for.
    pub fn is_asked_for(&self) -> bool {
        self.clients.is_some()
    }
}

/// Plays the part of a client or of another server, where the arguments ask for that; its driver watches.
pub fn act(args: &[OsString]) -> Option<Result<u8, Fatal>> {
    let words: Option<Vec<&str>> = args.iter().map(|word| word.to_str()).collect();
    let role = Role::of(&words?)?;
    Some(role.play().map_err(|failure| Fatal::Message(failure.to_string())))
}

/// Takes the role of the lab's server: what comes now is the server's own doing.
pub fn take_role() -> Result<(), Fatal> {
    actor::take_role(SERVER).map_err(|failure| Fatal::Message(failure.to_string()))
}

/// Runs the lab. `server` are the arguments behind [`ROLE`]: where it listens, and its model.
pub fn run(
    options: &Options,
    server: &[&str],
    quiet: bool,
    style: Style,
    streams: &mut Streams<'_>,
) -> Result<u8, Fatal> {
    let clients = usize::from(options.clients.unwrap_or(1));
    let title =
        format!("ganariya-fd echo-server --clients {clients} --model {}", server.last().unwrap_or(&""));
    let words = ["ganariya-fd", ROLE].into_iter().chain(server.iter().copied());
    let argv: Vec<CString> = words.filter_map(|word| CString::new(word).ok()).collect();
    let tables = Tables::from(options.tables);
    let plan = EchoPlan {
        program: c"/proc/self/exe",
        server: &argv,
        clients,
        tables: if options.format == lab::Format::Json { tables.max(Tables::Exec) } else { tables },
        step: options.step,
        hold: options.hold,
        timeout: options.timeout,
    };
    match options.format {
        lab::Format::Text => narrate(&plan, &title, quiet, style, streams),
        lab::Format::Json => record(&plan, &title, style, streams),
    }
    .map_err(|problem| match problem {
        Problem::ActorLost => Fatal::Message(lang::lesson_lost(style.lang)),
        problem => lab::explain(problem, style),
    })
}

/// Tells the lab as it happens.
fn narrate(
    plan: &EchoPlan<'_>,
    title: &str,
    quiet: bool,
    style: Style,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let mut narrator = Narrator::new(quiet);
    let Streams { out, err, .. } = streams;
    let outcome = drive_echo(&Live::new(), plan, &mut |moment| {
        match moment {
            EchoMoment::Begun => opening(out, title, quiet, style)?,
            EchoMoment::Step(step) => narrator.step(out, step, style)?,
            EchoMoment::Ends { name, pid } => {
                view::ended_by_lab(out, &format!("{name}[{pid}]"), style)?;
            }
            EchoMoment::Scene { scene, snapshot, lingering } => match scene {
                Scene::Listening => view::listening_scene(out, snapshot, style)?,
                Scene::Waiting => view::waiting_scene(out, snapshot, quiet, style)?,
                Scene::Accepted { client } => view::accepted_scene(out, snapshot, client, style)?,
                Scene::Connected => view::connected_scene(out, snapshot, quiet, style)?,
                Scene::Echoed => view::echoed_scene(out, snapshot, style)?,
                Scene::HalfClosed => view::half_closed_scene(out, snapshot, quiet, style)?,
                Scene::Closed => {
                    if let Some(lingering) = lingering {
                        view::closed_scene(out, lingering, quiet, style)?;
                    }
                }
                Scene::Kept => view::kept_scene(out, snapshot, quiet, style)?,
            },
            EchoMoment::Held { stages } => {
                held(out, &lab::living(stages).map(|(_, pid)| pid).collect::<Vec<_>>(), style)?;
                out.flush()?;
                lab::tell_held(*err, lab::living(stages))?;
            }
        }
        out.flush()
    })?;
    writeln!(out)?;
    lab::finish(*out, &outcome, style)?;
    Ok(status(&outcome))
}

/// Records the lab, and writes it as one document when it has ended; where it is held, when it is.
fn record(plan: &EchoPlan<'_>, title: &str, style: Style, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let taken_at = SystemTime::now();
    let (mut steps, mut moments) = (Vec::new(), Vec::new());
    let document = |steps: &[Step], moments: &[MomentRecord], outcome: &Outcome, out: &mut dyn Write| {
        let document = LabDocument {
            lab: "echo-server",
            title,
            about: Some("connected"),
            taken_at,
            steps,
            moments,
            stages: &lab::lines(&outcome.stages),
            captured: &[],
            output: None,
            ended_by: lab::ended_by(outcome),
            lang: style.lang,
        };
        lab_document(out, &document)
    };
    let Streams { out, err, .. } = streams;
    let outcome = drive_echo(&Live::new(), plan, &mut |moment| {
        match moment {
            EchoMoment::Step(step) => steps.push(step.clone()),
            EchoMoment::Scene { scene, snapshot, lingering } => moments.push(MomentRecord {
                name: name(scene),
                after_step: steps.len(),
                snapshot: snapshot.clone(),
                lingering: lingering.cloned(),
            }),
            EchoMoment::Held { stages } => {
                let so_far = Outcome { stages: stages.to_vec(), ..Outcome::default() };
                document(&steps, &moments, &so_far, *out)?;
                out.flush()?;
                lab::tell_held(*err, lab::living(stages))?;
            }
            EchoMoment::Begun | EchoMoment::Ends { .. } => {}
        }
        Ok(())
    })?;
    if !plan.hold {
        document(&steps, &moments, &outcome, *out)?;
    }
    Ok(status(&outcome))
}

fn name(scene: Scene) -> &'static str {
    match scene {
        Scene::Listening => "listening",
        Scene::Waiting => "waiting",
        Scene::Accepted { .. } => "accepted",
        Scene::Connected => "connected",
        Scene::Echoed => "echoed",
        Scene::HalfClosed => "half closed",
        Scene::Closed => "closed",
        Scene::Kept => "kept",
    }
}

/// A lesson that was seen is 0, however its processes were ended; one that a signal ended is 128 + that.
fn status(outcome: &Outcome) -> u8 {
    let code = outcome.asked.map_or(0, |signal| 128 + signal);
    u8::try_from(code).unwrap_or(u8::MAX)
}
