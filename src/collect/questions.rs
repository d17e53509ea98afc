//! The questions that a kind has on a file, put to the source.

use crate::kernel::{self, FileAsk, Source};
use crate::kind::{Answers, BpfObject, Question};

/// Asks them all. What is not answered is left out: mostly the right is missing, or the file is gone.
pub fn answers(source: &dyn Source, pid: i32, fd: i32, questions: Vec<Question>) -> Answers {
    if questions.is_empty() {
        return Answers::new();
    }
    let asks: Vec<FileAsk> = questions.iter().map(ask).collect();
    let answers = source.ask_file(pid, fd, &asks);
    questions
        .into_iter()
        .zip(answers)
        .filter_map(|(question, answer)| Some((question, answer.ok()?)))
        .collect()
}

fn ask(question: &Question) -> FileAsk {
    match question {
        Question::CommandOf(pid) => FileAsk::CommandOf(*pid),
        Question::BpfName(BpfObject::Map, id) => FileAsk::BpfName(kernel::BpfObject::Map, *id),
        Question::BpfName(BpfObject::Prog, id) => FileAsk::BpfName(kernel::BpfObject::Prog, *id),
        Question::BackingFile(device) => FileAsk::BackingFile(*device),
        Question::PathOf(handle) => FileAsk::PathOf(kernel::FileHandle {
            dev: handle.dev,
            form: handle.form,
            bytes: handle.bytes.clone(),
        }),
        Question::MountPoint(mount) => FileAsk::MountPoint(*mount),
        Question::NamespaceType => FileAsk::NamespaceType,
    }
}
