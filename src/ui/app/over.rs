//! What lies over the page, what is opened, and what is given away.

use yew::prelude::*;

use crate::scenario::{Files, Linked, is_recording};

use super::super::address::{FAILOVER, in_view};
use super::super::dialogs::{About, Dialog, Load, of_file};
use super::super::dom;
use super::super::session::Session;
use super::App;

impl App {
    #[inline(never)]
    pub(super) fn about(&self) -> About {
        let scenario = &self.session.scenario;
        About {
            title: scenario.title.clone(),
            description: scenario.description.clone(),
            compares: !scenario.compare.is_empty(),
            zookeeper: scenario.description.contains("ZooKeeper"),
        }
    }

    #[inline(never)]
    pub(super) fn open(&mut self, dialog: Option<Dialog>) {
        self.menu = None;
        // The address says so while it is measured.
        match (&self.dialog, &dialog) {
            (_, Some(Dialog::Failover)) => {
                self.session.playing = false;
                dom::set_fragment(FAILOVER);
            }
            (Some(Dialog::Failover), _) => {
                dom::set_fragment("");
            }
            _ => {}
        }
        self.dialog = dialog;
    }

    pub(super) fn load(&mut self, ctx: &Context<App>, load: Load) {
        let name = match &load {
            Load::File(name, _) => Some(name.clone()),
            Load::Gallery(_) => None,
        };
        let (linked, files) = match load {
            Load::Gallery(id) => (Linked::Gallery(id), Files::new()),
            Load::File(name, bytes) if name.ends_with(".json") || is_recording(&bytes) => {
                (Linked::Text(String::from_utf8_lossy(&bytes).into_owned()), Files::new())
            }
            Load::File(name, bytes) => {
                // Data take the place of the file that the scenario names.
                let mut files = self.session.files.clone();
                let wanted: Vec<String> = self.session.scenario.files().map(str::to_owned).collect();
                if wanted.is_empty() {
                    return self
                        .say(ctx, format!("This scenario asks for no data, so {name} has no use here."));
                }
                for wanted in wanted {
                    files.insert(wanted, bytes.clone());
                }
                (self.session.linked.clone(), files)
            }
        };
        match Session::open(linked, files, None) {
            Ok(mut session) => {
                session.playing = true;
                self.look.wanted = session.wanted();
                self.scroll_to = Some(0.0);
                self.session = session;
                self.look.back = 0;
                self.dialog = None;
                self.last_frame = 0.0;
                dom::set_fragment("");
            }
            Err(trouble) => self.dialog = Some(Dialog::Trouble(of_file(name.as_deref(), trouble))),
        }
    }

    pub(super) fn share(&mut self, ctx: &Context<App>) {
        self.session.playing = false;
        match self.session.link().encode() {
            Ok(text) => {
                let address = dom::set_fragment(&in_view(self.tab, text));
                dom::copy(&address);
                self.dialog = Some(Dialog::Share(address));
            }
            Err(error) => self.say(ctx, error.to_string()),
        }
    }
}
