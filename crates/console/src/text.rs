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
    by = "By", "Door";
    half_an_hour = "half an hour before and after", "een half uur ervoor en erna";
    everything_by = "Everything by", "Alles door";
    everything_on = "Everything on", "Alles op";
    everything_from = "Everything from", "Alles vanaf";
    of_same_actor = "of the same actor", "van dezelfde actor";
    same_failed = "The same failed", "Hetzelfde mislukt";
    same_succeeded = "The same succeeded", "Hetzelfde gelukt";
    language = "Language", "Taal";
    keys = "Keyboard", "Toetsenbord";
    close = "Close", "Sluiten";
    keys_off = "Single keys do something", "Losse toetsen doen iets";
    key_query = "go to the query", "naar de zoekvraag";
    key_rows = "next and previous row", "volgende en vorige regel";
    key_open = "open it", "openen";
    key_include = "only with, or without, the value that has the focus", "alleen met, of zonder, de waarde die de focus heeft";
    key_live = "watch events come", "kijken naar wat komt";
    key_utc = "times in UTC or in this browser's zone", "tijden in UTC of in de zone van deze browser";
    key_brush = "choose bars", "balken kiezen";
    key_help = "this list", "deze lijst";
    types_small = "types", "soorten";
    gaps = "gaps", "gaten";
    create = "create", "aanmaken";
    read = "read", "lezen";
    update = "update", "wijzigen";
    remove = "delete", "verwijderen";
    execute = "execute", "uitvoeren";
    skip_to = "Skip to content", "Naar de inhoud";
    notice = "Notice", "Mededeling";
    organization = "Organization", "Organisatie";
    pages = "Pages", "Pagina's";
    time_zone = "Time zone", "Tijdzone";
    times_shown_in = "Times are shown in", "Tijden worden getoond in";
    another_zone = "Another zone", "Andere zone";
    set = "Set", "Instellen";
    appearance = "Appearance", "Weergave";
    as_system = "As the system", "Zoals het systeem";
    light = "Light", "Licht";
    dark = "Dark", "Donker";
    log_out = "Log out", "Uitloggen";
    times_in = "Times in", "Tijden in";
    explore_events_of = "Explore events of", "Verken gebeurtenissen van";
    from_when = "From", "Vanaf";
    from_beginning = "from the beginning", "vanaf het begin";
    until = "Until", "Tot en met";
    until_now = "until now", "tot nu";
    search = "Search", "Zoeken";
    conditions = "Conditions; choosing one takes it away", "Voorwaarden; een keuze haalt er een weg";
    take_away = "take away", "weghalen";
    copy_as = "Copy as", "Kopieer als";
    over_time = "Events over time", "Gebeurtenissen in de tijd";
    failures = "failures", "mislukt";
    one_bar = "one bar", "een balk";
    narrow_by = "Narrow by value", "Verfijn op waarde";
    exclude = "exclude", "uitsluiten:";
    exclude_short = "exclude", "uitsluiten";
    others = "others", "andere";
    none = "none", "geen";
    results = "Results", "Resultaten";
    pages_of_results = "Pages of results", "Pagina's met resultaten";
    newer = "Newer", "Nieuwer";
    older = "Older", "Ouder";
    rows_a_page = "Rows a page", "Regels per pagina";
    from_first = "From the first", "Uit de eerste";
    events_of_log = "events of the log of", "gebeurtenissen van het log van";
    only_with = "only with", "alleen met";
    as_table_small = "as table", "als tabel";
    events_head = "Events", "Gebeurtenissen";
    failures_head = "Failures", "Mislukt";
    time = "Time", "Tijd";
    crude_title = "create, read, update, delete, execute", "aanmaken, lezen, wijzigen, verwijderen, uitvoeren";
    event_head = "Event", "Gebeurtenis";
    outcome = "Outcome", "Uitkomst";
    from_where = "From", "Vanaf";
    code = "Code", "Code";
    changes = "Changes", "Wijzigingen";
    field = "Field", "Veld";
    before = "Before", "Voor";
    after = "After", "Na";
    nothing = "nothing", "niets";
    as_api = "as the API answers it", "zoals de API het geeft";
    as_received = "As received", "Zoals ontvangen";
    proof = "Proof", "Bewijs";
    in_log = "in the log", "in het log";
    not_signed = "not signed yet", "nog niet ondertekend";
    leaf_hash = "Leaf hash", "Hash van het blad";
    events_signed = "events, signed", "gebeurtenissen, ondertekend";
    path = "Path", "Pad";
    hashes = "hashes", "hashes";
    signed_note = "Signed note", "Ondertekende notitie";
    verify_now = "Verify now", "Nu controleren";
    verify_now_text = "Recomputes everything that is stored from the events up, and records that it was done. The server that does it could lie; a program elsewhere could not be made to.", "Rekent alles wat is opgeslagen vanaf de gebeurtenissen opnieuw uit, en legt vast dat het is gedaan. De server die dat doet, zou kunnen liegen; een programma elders laat zich daar niet toe brengen.";
    everything_holds = "Everything holds.", "Alles klopt.";
    recomputed = "events recomputed,", "gebeurtenissen opnieuw berekend,";
    checkpoints_compared = "signed checkpoints compared", "ondertekende checkpoints vergeleken";
    does_not_hold = "What is stored is not what was recorded.", "Wat is opgeslagen, is niet wat is vastgelegd.";
    and_more = "and more:", "en nog:";
    verify_title = "Check evidence", "Bewijs controleren";
    verify_stays = "Bundles, proofs and receipts are checked in this browser. Nothing is uploaded.", "Bundels, bewijzen en ontvangstbewijzen worden in deze browser gecontroleerd. Er wordt niets verzonden.";
    verify_without = "This page needs JavaScript. Without it, use the program:", "Deze pagina heeft JavaScript nodig. Gebruik anders het programma:";
    verify_what = "What this proves", "Wat dit bewijst";
    verify_proves = "That each event was recorded exactly so, at its place in the log that the key stands for, and was not changed since.", "Dat elke gebeurtenis precies zo is vastgelegd, op haar plaats in het logboek waar de sleutel voor staat, en sindsdien niet is veranderd.";
    verify_script = "The script that checks comes from this server. If it is this server that you doubt, use a copy of the program or of the page from elsewhere, and a key of the log that you got on another way.", "Het script dat controleert, komt van deze server. Wie deze server niet vertrouwt, gebruikt het programma of de pagina uit een andere bron, en een sleutel van het logboek die langs een andere weg kwam.";
    evidence_bundle = "Evidence bundle", "Bewijsbundel";
    bundle_text = "One file with the events, their proofs and a page that checks them without this server. Making it is recorded with the query.", "Eén bestand met de gebeurtenissen, hun bewijzen en een pagina die ze zonder deze server controleert. Het maken wordt met de zoekvraag vastgelegd.";
    bundle_purpose = "What for (optional)", "Waarvoor (mag leeg)";
    bundle_make = "Make and download", "Maken en downloaden";
    bundle_raw = "With the form in which foreign events were received", "Met de vorm waarin vreemde gebeurtenissen zijn ontvangen";
    check_evidence = "Check evidence that you were handed", "Bewijs controleren dat u hebt gekregen";
    proof_text = "A check in this browser shows that the leaf was made from the event's fields and is in the tree that the checkpoint signs. Its script came from this server; to trust nothing of it, verify the file with a program of your own:", "Een controle in deze browser laat zien dat het blad van de velden van de gebeurtenis is gemaakt en in de boom staat die het checkpoint ondertekent. Het script kwam van deze server; wie die niet vertrouwt, controleert het bestand met een eigen programma:";
    download_proof = "Download proof", "Bewijs downloaden";
    next_checkpoint = "The next checkpoint will cover it; load this page again in a second.", "Het volgende checkpoint zal het bevatten; laad deze pagina zo opnieuw.";
    related = "Related", "Verwant";
    record = "Record", "Vastlegging";
    tour = "Tour", "Rondleiding";
    events_per_day = "Events per day", "Gebeurtenissen per dag";
    newest_failures = "Newest failures", "Nieuwste mislukkingen";
    nothing_failed = "Nothing failed in this time.", "Niets mislukte in deze tijd.";
    nothing_yet = "nothing yet", "nog niets";
    catalogs = "Catalogs", "Catalogi";
    types_in = "event types in", "soorten gebeurtenissen in";
    catalogs_small = "catalogs", "catalogi";
    catalog_refused = "A catalog was refused", "Een catalogus is geweigerd";
    catalog = "Catalog", "Catalogus";
    title = "Title", "Titel";
    version = "Version", "Versie";
    types = "Types", "Soorten";
    entities = "Entities", "Entiteiten";
    groups = "Groups", "Groepen";
    extends = "Extends", "Breidt uit";
    findings = "Findings", "Bevindingen";
    filter = "Filter", "Filter";
    filter_hint = "code, title, entity or action", "code, titel, entiteit of actie";
    entity = "Entity", "Entiteit";
    action = "Action", "Actie";
    search_these_small = "search these", "zoek deze";
    findings_of_lint = "Findings of the lint", "Bevindingen van de controle";
    level = "Level", "Niveau";
    finding = "Finding", "Bevinding";
    about = "About", "Over";
    what = "What", "Wat";
    search_these = "Search these", "Zoek deze";
    meaning = "Meaning", "Betekenis";
    parameters = "Parameters", "Parameters";
    type_head = "Type", "Soort";
    class = "Class", "Klasse";
    required = "Required", "Verplicht";
    yes = "yes", "ja";
    no = "no", "nee";
    example = "Example", "Voorbeeld";
    example_text = "An event of this type as it is sent:", "Een gebeurtenis van deze soort zoals die wordt verzonden:";
    last_30_days = "Last 30 days", "Laatste 30 dagen";
    in_org = "in", "in";
    integrity_of = "Integrity of", "Integriteit van";
    what_signed = "what is signed, and what is missing", "wat ondertekend is, en wat ontbreekt";
    producers = "Producers", "Afzenders";
    no_producers = "No producer has numbered its events yet.", "Nog geen afzender heeft zijn gebeurtenissen genummerd.";
    producer = "Producer", "Afzender";
    instance = "Instance", "Instantie";
    highest = "Highest number", "Hoogste nummer";
    last_seen = "Last seen", "Laatst gezien";
    missing_numbers = "Missing numbers", "Ontbrekende nummers";
    checkpoints = "Checkpoints", "Checkpoints";
    newest_first = "newest first", "nieuwste eerst";
    no_checkpoint = "The log gets its first checkpoint with its first event.", "Het log krijgt zijn eerste checkpoint met zijn eerste gebeurtenis.";
    signed = "Signed", "Ondertekend";
    root = "Root", "Wortel";
    all_signed = "all signed", "alles ondertekend";
    origin = "Origin", "Oorsprong";
    key = "Key", "Sleutel";
    newest_checkpoint = "Newest checkpoint", "Nieuwste checkpoint";
    verify = "Verify", "Controleren";
    verify_anywhere = "From anywhere, with the key above, against what is served:", "Vanaf elke plek, met de sleutel hierboven, tegen wat hier wordt aangeboden:";
    verify_here = "On this machine, every byte of the data folder:", "Op deze machine, elke byte van de gegevensmap:";
    keep_checkpoint = "Keep a checkpoint somewhere else. Only one that is outside this server can show that the whole folder was replaced by an older copy.", "Bewaar een checkpoint ergens anders. Alleen een dat buiten deze server staat kan laten zien dat de hele map door een oudere kopie is vervangen.";
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

/// Names of lists and links that come from elsewhere in English, with their Dutch.
const WORDS: &[(&str, &str)] = &[
    ("Home", "Start"),
    ("Explore", "Verkennen"),
    ("Catalogs", "Catalogi"),
    ("Integrity", "Integriteit"),
    ("People", "Mensen"),
    ("Keys", "Sleutels"),
    ("Connections", "Verbindingen"),
    ("Organizations", "Organisaties"),
    ("1 h", "1 u"),
    ("24 h", "24 u"),
    ("7 days", "7 dagen"),
    ("30 days", "30 dagen"),
    ("90 days", "90 dagen"),
    ("all", "alles"),
    ("Outcome", "Uitkomst"),
    ("Event type", "Soort gebeurtenis"),
    ("Catalog", "Catalogus"),
    ("Entity", "Entiteit"),
    ("Address", "Adres"),
    ("Severity", "Ernst"),
    ("Target", "Doel"),
    ("Account", "Account"),
    ("Tool or group", "Hulpmiddel of groep"),
    ("Action", "Actie"),
    ("Most active", "Meest actief"),
    ("Most frequent", "Meest voorkomend"),
    ("Addresses", "Adressen"),
    ("Time", "Tijd"),
    ("Event", "Gebeurtenis"),
    ("From", "Vanaf"),
    ("Usual", "Gebruikelijk"),
    ("nothing", "niets"),
    ("session", "sessie"),
    ("organization or account", "organisatie of account"),
    ("object", "object"),
    ("person", "persoon"),
    ("What", "Wat"),
    ("Result", "Resultaat"),
    ("Who", "Wie"),
    ("On what", "Waarop"),
    ("From where", "Vanwaar"),
    ("When and in which session", "Wanneer en in welke sessie"),
    ("Why and by which right", "Waarom en met welk recht"),
    ("Together with", "Samen met"),
    ("Parameters", "Parameters"),
    ("Beyond the catalog", "Buiten de catalogus"),
    ("Index", "Index"),
    ("Received", "Ontvangen"),
    ("producer name", "naam van de afzender"),
    ("producer instance", "instantie van de afzender"),
    ("producer version", "versie van de afzender"),
    ("producer seq", "nummer van de afzender"),
    ("Link, with times and log size fixed", "Koppeling, met vaste tijden en logomvang"),
    ("Query", "Zoekvraag"),
    ("Command line", "Opdrachtregel"),
    ("in the log", "in het log"),
    ("same actor", "zelfde actor"),
    ("same target", "zelfde doel"),
    ("same session", "zelfde sessie"),
    ("Timeline of this session", "Tijdlijn van deze sessie"),
    ("Timeline of this request", "Tijdlijn van dit verzoek"),
    ("Timeline of this actor", "Tijdlijn van deze actor"),
    ("Timeline of this target", "Tijdlijn van dit doel"),
    ("Same session", "Zelfde sessie"),
    ("Same request", "Zelfde verzoek"),
    ("Same trace", "Zelfde spoor"),
    ("Same batch", "Zelfde partij"),
    ("Every event of this type", "Elke gebeurtenis van deze soort"),
    ("Who looked at it", "Wie keek ernaar"),
    (
        "The log has no events yet. Send one, or import a file.",
        "Het log heeft nog geen gebeurtenissen. Stuur er een, of importeer een bestand.",
    ),
    ("No event occurred in this time.", "In deze tijd gebeurde niets."),
    (
        "No event in this time meets all conditions.",
        "Geen gebeurtenis in deze tijd voldoet aan alle voorwaarden.",
    ),
    ("the last 90 days", "de laatste 90 dagen"),
    ("all time", "alle tijd"),
    ("every event of this time", "elke gebeurtenis van deze tijd"),
    ("Start again from the first page", "Begin opnieuw bij de eerste pagina"),
    ("events in 90 days", "gebeurtenissen in 90 dagen"),
    ("of them failed", "daarvan mislukt"),
    ("quarantined", "in quarantaine"),
    ("gaps in producers' numbers", "gaten in nummers van afzenders"),
    ("events in the log", "gebeurtenissen in het log"),
    ("Situations", "Situaties"),
    ("Result codes", "Resultaatcodes"),
    ("C create", "C aanmaken"),
    ("R read", "R lezen"),
    ("U update", "U wijzigen"),
    ("D delete", "D verwijderen"),
    ("E execute", "E uitvoeren"),
    ("entity", "entiteit"),
    ("action", "actie"),
    ("group", "groep"),
    ("outcome", "uitkomst"),
    ("routing key", "routeringssleutel"),
    ("severity", "ernst"),
    ("retention", "bewaring"),
    ("categories", "categorieën"),
    ("requires", "vereist"),
    ("ends with", "eindigt met"),
    ("line of its source", "regel van de bron"),
    ("on unavailable", "als vastleggen niet kan"),
];

impl Text {
    /// A name that comes from elsewhere, in this language; one that is not known stays as it is.
    pub fn word<'w>(&self, english: &'w (impl AsRef<str> + ?Sized)) -> &'w str {
        let english = english.as_ref();
        let known = WORDS.iter().find(|(known, _)| self.lang != "en" && *known == english);
        known.map_or(english, |(_, dutch)| dutch)
    }

    /// What a letter of CRUDE stands for.
    pub fn crude(&self, letter: &str) -> &'static str {
        match letter {
            "C" => self.create,
            "R" => self.read,
            "U" => self.update,
            "D" => self.remove,
            "E" => self.execute,
            _ => "",
        }
    }

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
        let mut english: Vec<&str> = WORDS.iter().map(|(english, _)| *english).collect();
        english.sort_unstable();
        english.dedup();
        assert_eq!(english.len(), WORDS.len(), "a name stands there twice");
        assert_eq!((NL.word("Outcome"), EN.word("Outcome"), NL.word("x-1")), ("Uitkomst", "Outcome", "x-1"));
        assert_eq!((Text::of("nl").lang, Text::of("fr").lang), ("nl", "en"));
        assert!(LANGUAGES.iter().all(|language| Text::of(language).lang == *language));
    }
}
