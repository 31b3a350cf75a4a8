//! Every text of the interface in every language, side by side: a text that lacks a language does not compile.
//!
//! Query words, field names of programs, and what catalogs and events say are not translated here.

/// The language of a text that nobody chose one for.
pub const LANGUAGES: [&str; 2] = ["en", "nl"];

macro_rules! texts {
    ($($(#[$about:meta])* $name:ident = $en:literal, $nl:literal;)*) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub struct Text {
            $(#[doc = $en] pub $name: &'static str,)*
        }

        static EN: Text = Text { $($name: $en,)* };
        static NL: Text = Text { $($name: $nl,)* };

        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($name), $en, $nl),)*];
    };
}

texts! {
    lang = "en", "nl";
    offers = "Completions", "Aanvullingen";
    views = "Views", "Weergaven";
    all_views = "All views", "Alle weergaven";
    views_text = "searches under a name", "zoekopdrachten met een naam";
    kept_views = "Kept", "Bewaard";
    no_views = "None yet. Keep one from Explore.", "Nog geen. Bewaar er een vanuit Verkennen.";
    name = "Name", "Naam";
    query = "Query", "Zoekvraag";
    window = "Window", "Tijdvak";
    for_whom = "For", "Voor";
    changed = "Changed", "Gewijzigd";
    change = "Change", "Wijzigen";
    everybody = "everybody here", "iedereen hier";
    only_you = "only you", "alleen u";
    save = "Save", "Bewaren";
    delete = "Delete", "Verwijderen";
    keep_text = "Keep this search as", "Deze zoekopdracht bewaren als";
    reports_text = "The columns and filters of the products' own reports, over the last 30 days.", "De kolommen en filters van de rapporten van de producten zelf, over de laatste 30 dagen.";
    twin = "other outcome", "andere uitkomst";
    in_the_log = "In the log of", "In het log van";
    never_seen = "Types that never came:", "Soorten die nooit kwamen:";
    undeclared = "Codes that came and are not declared:", "Codes die kwamen en niet zijn vastgelegd:";
    drift = "Drift:", "Afwijkingen:";
    drift_of = "newest events looked at:", "nieuwste gebeurtenissen bekeken:";
    before_after = "Before and after", "Ervoor en erna";
    who_looked = "Who looked at it", "Wie keek ernaar";
    all_of_them = "all of them", "allemaal";
    columns = "Columns", "Kolommen";
    reports = "Reports", "Rapporten";
    grouped_by = "Grouped by", "Gegroepeerd op";
    add_column = "Another column: a field of queries", "Nog een kolom: een veld van zoekvragen";
    add = "Add", "Toevoegen";
    zoom_out = "zoom out", "uitzoomen";
    brush = "drag over bars, or Shift and an arrow key, to choose a stretch", "sleep over balken, of Shift en een pijltoets, om een tijdvak te kiezen";
    live = "Live", "Live";
    live_order = "in the order of arrival, newest first", "op volgorde van aankomst, nieuwste eerst";
    live_events = "Events as they come", "Gebeurtenissen zoals ze komen";
    live_before = "Before", "Daarvoor";
    live_reload = "Without scripts this page loads again every 5 seconds.", "Zonder scripts laadt deze pagina elke 5 seconden opnieuw.";
    live_stop = "Stop", "Stoppen";
    live_wait = "waiting for events", "wacht op gebeurtenissen";
    live_on = "live", "live";
    live_lost = "connection lost, trying again", "verbinding verbroken, probeert opnieuw";
    live_ended = "ended; load the page again", "beëindigd; laad de pagina opnieuw";
    live_paused = "Paused", "Gepauzeerd";
    live_pause = "Pause", "Pauzeren";
    live_new = "new", "nieuw";
    live_resume = "Resume", "Hervatten";
    live_received = "received", "ontvangen";
    live_earlier = "not shown here, show", "hier niet getoond, tonen";
    live_behind = "behind, jump to the newest", "achter, spring naar het nieuwste";
    timeline = "Timeline", "Tijdlijn";
    timeline_of = "Timeline of its session", "Tijdlijn van de sessie";
    session = "Session", "Sessie";
    request = "Request", "Verzoek";
    actor = "Actor", "Actor";
    target = "Target", "Doel";
    who = "Who", "Wie";
    where_from = "From", "Vanaf";
    first_event = "First event", "Eerste gebeurtenis";
    last_event = "Last event", "Laatste gebeurtenis";
    no_end_seen = "no end seen", "geen einde gezien";
    duration = "Duration", "Duur";
    out_of_order = "came late", "kwam later";
    out_of_order_text = "of the events came into the log after others that say they happened later.", "van de gebeurtenissen kwamen in het log na andere die zeggen later te zijn gebeurd.";
    missing_before = "numbers missing before", "nummers ontbreken hiervoor";
    missing_text = "numbers of the producers of these events never came; what they stood for may belong here.", "nummers van de afzenders van deze gebeurtenissen zijn nooit gekomen; waar ze voor stonden kan hierbij horen.";
    joined_by = "Joined by", "Verbonden door";
    value = "Value", "Waarde";
    show = "Show", "Tonen";
    event = "event", "gebeurtenis";
    events = "events", "gebeurtenissen";
    failed = "failed", "mislukt";
    all_time = "all time", "alle tijd";
    in_explore = "in Explore", "in Verkennen";
    nothing_matches = "Nothing matches", "Niets gevonden";
    timeline_nothing = "No event in this time has this value.", "Geen gebeurtenis in deze tijd heeft deze waarde.";
    at_a_glance = "At a glance", "In het kort";
    too_many = "Too many to draw each", "Te veel om elk te tekenen";
    too_many_text = "A bar leads to its stretch of time. Below are the first", "Een balk leidt naar zijn tijdvak. Hieronder staan de eerste";
    lanes = "Over time", "In de tijd";
    as_table = "As a table", "Als tabel";
    order_of_time = "by the time it happened, then by place in the log", "naar tijd van gebeuren, dan naar plaats in het log";
    nearby = "Nearby, not joined", "In de buurt, niet verbonden";
    nearby_text = "These types carry no session. They are shown because they happened on the same things in this time; that they belong here is not recorded.", "Deze soorten dragen geen sessie. Ze staan hier omdat ze in deze tijd op dezelfde dingen gebeurden; dat ze hierbij horen is niet vastgelegd.";
}

impl Text {
    /// The texts of a language; English where it is not known.
    pub fn of(language: &str) -> &'static Self {
        if language == "nl" { &NL } else { &EN }
    }
}

impl Default for &'static Text {
    fn default() -> Self {
        &EN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_something_everywhere() {
        for (name, en, nl) in PAIRS {
            assert!(!en.trim().is_empty() && !nl.trim().is_empty(), "{name}");
        }
        assert_eq!((Text::of("nl").lang, Text::of("fr").lang), ("nl", "en"));
        assert!(LANGUAGES.iter().all(|language| Text::of(language).lang == *language));
    }
}
