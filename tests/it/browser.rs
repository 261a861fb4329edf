//! Pages as a browser shows them. Skipped where there is none.

use std::process::Command;

use kmock::prelude::*;

/// The browser that is here.
pub(crate) struct Browser(&'static str);

impl Browser {
    pub(crate) fn find() -> Option<Browser> {
        let programs = ["chromium", "chromium-browser", "google-chrome"];
        let runs = |program: &&'static str| {
            let version = Browser(program).command().arg("--version").output();
            version.is_ok_and(|out| out.status.success())
        };
        let found = programs.into_iter().find(runs).map(Browser);
        if found.is_none() {
            eprintln!("skipped: there is no chromium here");
        }
        found
    }

    /// It keeps today's time: in that of `faketime`, which it would inherit, it turns in circles on all cores.
    fn command(&self) -> Command {
        let mut command = Command::new(self.0);
        command.env_remove("LD_PRELOAD");
        command
    }

    /// What the document of a page is, once its scripts have run.
    pub(crate) fn show(&self, page: &str) -> String {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("page.html");
        std::fs::write(&file, page).expect("written");
        let shown = self
            .command()
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
            .arg(format!("--user-data-dir={}", directory.path().display()))
            .arg(format!("file://{}", file.display()))
            .output()
            .expect("it runs");
        String::from_utf8_lossy(&shown.stdout).into_owned()
    }

    /// What a script (the body of a function of `page`, a document) says about a page in a window of this width.
    fn ask(&self, page: &str, width: u32, script: &str) -> String {
        // A window has a least width, a frame has none.
        let framed = page.replace('&', "&amp;").replace('"', "&quot;");
        let around = format!(
            "<body style=\"margin:0\"><iframe style=\"border:0;width:{width}px;height:800px\" srcdoc=\"{framed}\"></iframe>\
             <script>onload=()=>{{const frame=document.querySelector('iframe');const page=frame.contentDocument;\
             const said=(page=>{{{script}}})(page);frame.remove();document.title='said '+said+' end'}}</script></body>"
        );
        let shown = self.show(&around);
        let said = shown
            .split_once("<title>said ")
            .and_then(|(_, rest)| rest.split_once(" end</title>"))
            .map(|(said, _)| said.to_owned());
        said.unwrap_or_else(|| panic!("it says nothing: {}", &shown[..shown.len().min(400)]))
    }
}

/// What of a page is wider than its window, and which times cannot be read.
const LOOK: &str = "
    const all = selector => [...page.querySelectorAll(selector)];
    for (const one of all('.timeline>details').slice(0, 3)) one.open = true;
    for (const one of all('details.copy')) one.open = true;
    const width = page.defaultView.innerWidth;
    const wide = page.documentElement.scrollWidth > width ? page.documentElement.scrollWidth : 0;
    const there = one => one.offsetWidth > 0;
    const times = all('.timeline .line:not(.head)').flatMap(line => [line.children[0], line.children[1], line.children[5]]);
    const clipped = times.filter(there).filter(one => one.scrollWidth > one.clientWidth);
    const axis = all('.axis i').filter(there).filter(one => one.scrollWidth > one.clientWidth + 1);
    const seen = all('.timeline>details').filter(there).length;
    const counts = ['fine', 'refused', 'error', 'all'].map(value => {
        all(`input[value=${value}]`)[0].click();
        return all('.timeline>details').filter(there).length;
    });
    return [wide, clipped.slice(0, 3).map(one => one.textContent).join('|') || 0, axis.length, seen, ...counts].join(' ');
";

#[kmock::test(start_paused = true)]
async fn a_page_of_thousands_is_read_on_a_phone_and_on_a_desk(k: KMock) {
    let Some(browser) = Browser::find() else {
        return;
    };
    kmock! { k,
        GET "/items/{n}" => 200;
        GET "/slow" => sleep(12m), b"at last";
        GET "/broken" => |_| -> u16 { panic!("on purpose") };
        POST "/a/path/that/is/long/enough/to/be/wider/than/any/phone/{n}" => 201, header { "x-long": "a".repeat(300) };
    }
    for n in 0..1900 {
        k.get(format!("/items/{n}?of={}", n % 7)).await;
    }
    for n in 0..90 {
        let long = format!("/a/path/that/is/long/enough/to/be/wider/than/any/phone/{n}");
        k.post(long).body("b".repeat(300)).await;
    }
    k.get("/slow").await;
    k.get("/broken").await;
    for n in 0..8 {
        k.get(format!("/nowhere/{n}")).await;
    }
    k.take_errors();
    let page = k.report().html();
    let lines = page.matches("<summary class=\"line\">").count();
    for width in [375, 768, 1280] {
        let said = browser.ask(&page, width, LOOK);
        let said: Vec<&str> = said.split(' ').collect();
        let counts: Vec<usize> = said[3..]
            .iter()
            .map(|count| count.parse().expect("a number"))
            .collect();
        assert_eq!(said[..3], ["0", "0", "0"], "{width} px: {said:?}");
        let [seen, fine, refused, error, all] = counts[..] else {
            panic!("{said:?}");
        };
        assert_eq!((seen, all), (lines, lines), "{width} px");
        assert_eq!((refused, error), (8, 1), "{width} px");
        assert_eq!(fine, lines - 9, "{width} px");
    }
}
