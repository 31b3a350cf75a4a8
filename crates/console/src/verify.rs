//! The page that checks proofs and bundles: as a page of the console, and alone in one file for bundles.

use askama::Template;

use crate::frame::Frame;

/// Checks what is dropped on it, in the browser; anybody may open it.
#[derive(Debug, Template)]
#[template(path = "verify.html")]
pub struct Verify {
    /// Around it.
    pub frame: Frame,
}

/// The same page with everything inside one file, for bundles: it opens from a disk, asks the network for nothing, and its
/// policy forbids it to. `slot` is where a bundle puts its data; apart from that it is the same for all of this version.
pub fn standalone(slot: &str) -> String {
    let styles = concat!(include_str!("../assets/console.css"), include_str!("../assets/verify.css"));
    include_str!("../assets/verify-alone.html")
        .replace("{{ styles }}", styles)
        .replace("{{ slot }}", slot)
        .replace("{{ script }}", include_str!("../assets/proof.js"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_inside_ends_a_script_early_or_asks_for_more() {
        const SLOT: &str = "<script id=\"x\"></script>";
        let page = standalone(SLOT);
        assert_eq!(page.matches("</script").count(), 2);
        assert_eq!(page.matches("</style").count(), 1);
        assert_eq!(page.matches(SLOT).count(), 1);
        for outward in ["src=", "href=", "@import", "url(", "http://", "https://", "import("] {
            assert!(!page.contains(outward), "{outward}");
        }
    }
}
