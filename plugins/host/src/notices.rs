//! What the host tells the person about plugins, as it happens.

/// One notice. Nothing in it comes from a plugin unchecked: it is one line without controls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which plugin it is about.
    pub plugin: String,
    /// What has happened, in one line.
    pub message: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

/// Shows notices. A frontend implements it.
pub trait Notices: Send + Sync {
    /// Shows one. It is called from wherever a plugin is run, so it may not wait for anything.
    fn notice(&self, notice: Notice);
}

/// Tells notices to `tracing` alone; for programs in front of which nobody sits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Notices for Quiet {
    fn notice(&self, notice: Notice) {
        let Notice { plugin, message, hint } = notice;
        tracing::warn!(target: "plugin", %plugin, hint, "{message}");
    }
}
