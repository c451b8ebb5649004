//! What the jobs of one batch read from: the vault as it was planned, and the notes' texts as they were planned.
//!
//! Owns those for as long as the batch runs, and shares them among its lanes. What it reads from the notes folder anew it
//! compares with the plan: a note that says something else by now gives no output, but a job for the next batch. It decides
//! nothing, changes neither vault nor manifest, and publishes nothing: what it writes is staged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::Engine;
use super::prepare::BatchJob;
use super::texts::Texts;
use crate::batch::Progress;
use crate::disk::{Content, NotesDisk, OutputDisk, OutputError, Staged};
use crate::export::{Formats, Invocation, Listed, RenderError, Source, SourceError};
use crate::hash::ContentHash;
use crate::path::{NotePath, OutputPath};
use crate::plan::Work;
use crate::sync::lock;
use crate::vault::{FileId, Note, NoteFacts, Page, Ref, Target, Targets, Vault, note};

/// How many titles are kept at most: some megabytes of them.
const MOST_TITLES: usize = 32_768;

/// What the jobs of one batch share.
pub struct Context {
    pub(crate) formats: Arc<Formats>,
    targets: Targets<Arc<Vault>>,
    notes: Arc<dyn NotesDisk>,
    outputs: Arc<dyn OutputDisk>,
    progress: Arc<Progress>,
    texts: Texts,
    /// Of notes that others name: each is named by all formats of all that it links to, and to have it from the shelf
    /// costs a call to the system.
    titles: Mutex<HashMap<FileId, Arc<str>>>,
}

/// Why a job that ran has no output.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The note could not be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The output could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl JobError {
    /// Whether a newer batch will do the job: what it read is no longer what was planned.
    pub fn superseded(&self) -> Option<&NotePath> {
        match self {
            Self::Render(error) => error.superseded(),
            Self::Output(OutputError::Superseded(path)) => Some(path),
            Self::Output(_) => None,
        }
    }

    /// Whether the system refused. Anything else lies in the note itself, and stays as it is until that changes.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Output(_) | Self::Render(RenderError::Source(SourceError::Unreadable { .. }))
        )
    }
}

impl Context {
    pub(super) fn new(engine: &Engine, texts: Texts) -> Self {
        Self {
            formats: engine.formats.clone(),
            targets: Targets::new(engine.vault.clone()),
            notes: engine.notes.clone(),
            outputs: engine.outputs.clone(),
            progress: engine.progress.clone(),
            texts,
            titles: Mutex::default(),
        }
    }

    fn vault(&self) -> &Vault {
        self.targets.vault()
    }

    /// Does a job that needs no command: renders and stages its output. Blocks.
    ///
    /// # Errors
    /// See [`JobError`].
    pub fn run(&self, job: &BatchJob) -> Result<Staged, JobError> {
        match &job.job.work {
            Work::Note(id, format) => {
                let bytes = self.formats.render(*format, self, *id)?;
                self.stage(job, &bytes)
            }
            Work::Page(page, format) => {
                let bytes = self.formats.render_page(*format, self, page)?;
                self.stage(job, &bytes)
            }
            Work::Copy(id) => {
                let content = Content::Copy(&self.vault().files().get(*id).path);
                self.stage_content(job, content)
            }
        }
    }

    /// Stages what a job rendered. Blocks.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn stage(&self, job: &BatchJob, bytes: &[u8]) -> Result<Staged, JobError> {
        self.stage_content(job, Content::Bytes(bytes))
    }

    fn stage_content(&self, job: &BatchJob, content: Content<'_>) -> Result<Staged, JobError> {
        let owned = job.ownership.owned();
        let beat = || self.progress.beat();
        let staged = self.outputs.stage(&job.job.output, content, owned, &beat);
        Ok(staged?)
    }

    /// What a job with a command needs to run; `None` when its format has none. Blocks.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn invocation(&self, id: FileId, format: usize) -> Result<Option<Invocation>, RenderError> {
        self.formats.invocation(format, self, id)
    }

    fn read(&self, id: FileId) -> Result<Arc<Note>, SourceError> {
        let path = self.path(id);
        let superseded = || SourceError::Superseded(path.clone());
        let planned = self
            .vault()
            .files()
            .get(id)
            .facts()
            .ok_or_else(superseded)?;
        let (bytes, _) = self.notes.read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => superseded(),
            _ => SourceError::Unreadable {
                path: path.clone(),
                error,
            },
        })?;
        let note = match self.texts.syntax(id) {
            Some(syntax) => Note::recall(bytes, planned, syntax).ok_or_else(superseded)?,
            None if ContentHash::of(&bytes) != planned.content => return Err(superseded()),
            None => note::parse(path, bytes),
        };
        Ok(Arc::new(note))
    }
}

impl Source for Context {
    fn target(&self, from: FileId, reference: &Ref) -> Target {
        self.targets.target(from, reference)
    }

    fn note(&self, id: FileId) -> Result<Arc<Note>, SourceError> {
        self.texts.get_or_read(id, || self.read(id))
    }

    fn facts(&self, id: FileId) -> Option<Arc<NoteFacts>> {
        self.targets.facts(id)
    }

    fn path(&self, id: FileId) -> &NotePath {
        &self.vault().files().get(id).path
    }

    fn output(&self, id: FileId, format: usize) -> OutputPath {
        self.vault().output(id, format)
    }

    fn backlinks(&self, id: FileId) -> Vec<FileId> {
        self.vault().backlinks(id)
    }

    fn title(&self, id: FileId) -> String {
        if let Some(title) = lock(&self.titles).get(&id) {
            return title.to_string();
        }
        let head = self.vault().files().get(id).head();
        let title = head.map(|facts| facts.title).unwrap_or_default();
        let mut titles = lock(&self.titles);
        if titles.len() < MOST_TITLES {
            titles.insert(id, title.as_str().into());
        }
        title
    }

    fn listed(&self, page: &Page) -> Vec<Listed> {
        let mut ids: Vec<FileId> = match page {
            Page::Index => self.vault().exported(),
            Page::Tag(tag) => self.vault().pages().tagged(tag).collect(),
        };
        ids.sort_by(|a, b| self.path(*a).cmp(self.path(*b)));
        ids.into_iter()
            .filter_map(|id| {
                let file = self.vault().files().get(id);
                let facts = file.head()?;
                Some(Listed {
                    id,
                    path: file.path.clone(),
                    title: facts.title,
                    tags: facts.tags,
                })
            })
            .collect()
    }
}
