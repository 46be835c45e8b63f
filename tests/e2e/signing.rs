//! Signed executables: osslsigncode signs and judges them, OpenSSL makes the keys.

use super::branding::{packed, program};
use crate::harness::{Pack, Scratch, pythons, tool, tools, words};
use packager::brand::{Branding, brand};
use packager::plan::Signing;
use packager::sign::{SignatureError, sign, signature};
use payload::Payload;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// A packed program, and a key with its certificate.
struct Workshop {
    scratch: Scratch,
    exe: PathBuf,
    signing: Signing,
    osslsigncode: PathBuf,
    openssl: PathBuf,
}

/// Makes a key and a certificate for it that is good for `usage`.
fn self_signed(openssl: &Path, subject: &str, usage: &str, [key, certificate]: [&Path; 2]) {
    let usage = format!("extendedKeyUsage={usage}");
    let new: [&dyn AsRef<std::ffi::OsStr>; 15] = [
        &"req",
        &"-x509",
        &"-newkey",
        &"rsa:2048",
        &"-nodes",
        &"-days",
        &"30",
        &"-subj",
        &subject,
        &"-addext",
        &usage,
        &"-keyout",
        &key,
        &"-out",
        &certificate,
    ];
    tool(openssl, words(&new));
}

impl Workshop {
    fn new() -> Option<Self> {
        let [osslsigncode, openssl, gcc] =
            tools(["osslsigncode", "openssl", "x86_64-w64-mingw32-gcc"])?;
        let scratch = Scratch::new();
        let bare = program(scratch.path(), &gcc, true);
        let exe = scratch.path().join("app.exe");
        fs::write(
            &exe,
            packed(&brand(&bare, &Branding::default()).unwrap().file),
        )
        .unwrap();
        let (key, certificate) = (
            scratch.path().join("key.pem"),
            scratch.path().join("cert.pem"),
        );
        let subject = "/O=Example/CN=Guest Book Makers";
        self_signed(&openssl, subject, "codeSigning", [&key, &certificate]);
        Some(Self {
            exe,
            signing: Signing {
                certificate,
                key: Some(key),
                password_file: None,
                timestamp: None,
                time: None,
            },
            osslsigncode,
            openssl,
            scratch,
        })
    }

    fn sign(&self, signing: &Signing) -> Vec<u8> {
        let file = self.scratch.path().join("signed.exe");
        fs::copy(&self.exe, &file).unwrap();
        sign(&file, &file, "Guestbook", signing).unwrap();
        fs::read(file).unwrap()
    }

    /// What osslsigncode says of a file.
    fn judged(&self, file: &[u8]) -> (bool, String) {
        let path = self.scratch.path().join("judged.exe");
        fs::write(&path, file).unwrap();
        let mut verify = Command::new(&self.osslsigncode);
        verify
            .arg("verify")
            .arg("-CAfile")
            .arg(&self.signing.certificate);
        let output = verify.arg("-in").arg(&path).output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }
}

#[test]
fn the_signature_covers_the_payload_and_both_hold() {
    let Some(workshop) = Workshop::new() else {
        return;
    };
    let before = fs::read(&workshop.exe).unwrap();
    assert_eq!(signature::read(&before), Ok(None));
    let signed = workshop.sign(&workshop.signing);
    let (right, said) = workshop.judged(&signed);
    assert!(right, "{said}");
    let payload = Payload::locate(&signed).unwrap();
    payload.verify(1).unwrap();
    payload::check_prefix(&signed).unwrap();
    let end = payload.prefix_length() + payload.payload_length();
    let found = signature::read_packed(&signed, end).unwrap().unwrap();
    assert_eq!(found.signer, "CN=Guest Book Makers,O=Example");
    assert_eq!((found.algorithm, found.time_stamped), ("SHA-256", false));
    let verify = |file: &Path| Pack::run(&["verify"]).arg(file).run();
    let file = workshop.scratch.path().join("signed.exe");
    let text = verify(&file).success().stderr_text();
    assert!(
        text.contains("signed by CN=Guest Book Makers") && text.contains("covers all of it"),
        "{text}"
    );
    let text = verify(&workshop.exe).success().stderr_text();
    assert!(text.contains("not signed"), "{text}");
    // The same key, file and time make the same bytes.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let timed = |seconds| Signing {
        time: Some(now.as_secs() + seconds),
        ..workshop.signing.clone()
    };
    let again = workshop.sign(&timed(0));
    assert!(workshop.judged(&again).0);
    assert!(workshop.sign(&timed(0)) == again);
    assert!(workshop.sign(&timed(3600)) != again);

    // Any byte that is changed breaks the signature, in bootloader, payload and footer; what signing itself sets apart.
    let length = usize::try_from(end).unwrap();
    for at in [
        0x40,
        0x400,
        length / 2,
        length - 1000,
        length - 50,
        length - 1,
    ] {
        let mut changed = signed.clone();
        changed[at] ^= 1;
        assert_eq!(
            signature::read(&changed),
            Err(SignatureError::Changed),
            "{at}"
        );
        assert!(!workshop.judged(&changed).0, "{at}");
    }
    // One more byte behind it, and a signature that ends before.
    let mut longer = signed.clone();
    longer.push(0);
    assert!(signature::read(&longer).is_err());
    assert!(signature::read(&signed[..signed.len() - 1]).is_err());
    fs::write(&file, &longer).unwrap();
    verify(&file).refused(
        1,
        &[
            "error: ",
            "signed.exe` does not hold",
            "something behind it",
        ],
    );
    // A signature of the bare bootloader does not cover what is put behind it.
    assert_eq!(
        signature::read_packed(&signed, end + 1_000_000),
        Err(SignatureError::NotCovered)
    );
    // Branding it again drops the signature.
    let edited = brand(&signed[..], &Branding::default()).unwrap();
    assert!(edited.unsigned && signature::read(&edited.file) == Ok(None));
}

#[test]
fn damaged_signatures_never_panic() {
    let Some(workshop) = Workshop::new() else {
        return;
    };
    let signed = workshop.sign(&workshop.signing);
    let start = signature::read(&signed).unwrap().unwrap().offset;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..3000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut changed = signed.clone();
        let at = start + usize::try_from(random >> 8).unwrap() % (signed.len() - start);
        changed[at] = random.to_le_bytes()[0];
        // A signature that is read may be another one; the file's hash must be right.
        let _ = signature::read(&changed);
    }
    for length in (start..signed.len()).step_by(13) {
        assert!(signature::read(&signed[..length]).is_err());
    }
}

#[test]
fn keys_come_from_pkcs12_and_a_wrong_password_is_said() {
    let Some(workshop) = Workshop::new() else {
        return;
    };
    let folder = workshop.scratch.path();
    let (p12, password) = (folder.join("key.p12"), folder.join("password.txt"));
    fs::write(&password, "open sesame").unwrap();
    let source = format!("file:{}", password.display());
    let Signing {
        certificate, key, ..
    } = &workshop.signing;
    let key = key.as_ref().unwrap();
    let export: [&dyn AsRef<std::ffi::OsStr>; 10] = [
        &"pkcs12",
        &"-export",
        &"-inkey",
        &key,
        &"-in",
        &certificate,
        &"-passout",
        &source,
        &"-out",
        &p12,
    ];
    tool(&workshop.openssl, words(&export));
    let with = |password_file: Option<PathBuf>| Signing {
        certificate: p12.clone(),
        key: None,
        password_file,
        timestamp: None,
        time: None,
    };
    let signed = workshop.sign(&with(Some(password.clone())));
    assert!(workshop.judged(&signed).0);
    fs::write(&password, "swordfish").unwrap();
    for wrong in [Some(password.clone()), None] {
        let file = folder.join("refused.exe");
        fs::copy(&workshop.exe, &file).unwrap();
        let error = sign(&file, &file, "Guestbook", &with(wrong)).unwrap_err();
        assert!(error.to_string().contains("does not sign"), "{error}");
        assert!(!error.to_string().contains("swordfish"), "{error}");
        assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("PACK_SIGN_PASSWORD")),
            "{error}"
        );
        assert!(fs::read(&file).unwrap() == fs::read(&workshop.exe).unwrap());
    }
    let left: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with(".sign")),
        "{left:?}"
    );
}

/// A time stamp service on the loopback interface, by OpenSSL.
struct TimeStamps {
    child: Child,
    url: String,
}

impl Drop for TimeStamps {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn time_stamps(workshop: &Workshop) -> TimeStamps {
    const SERVER: &str = r"
import http.server, pathlib, subprocess, sys
folder, openssl = pathlib.Path(sys.argv[1]), sys.argv[2]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        (folder / 'query').write_bytes(self.rfile.read(int(self.headers['Content-Length'])))
        subprocess.run([openssl, 'ts', '-reply', '-config', folder / 'ts.cnf', '-queryfile', folder / 'query',
                        '-out', folder / 'reply'], check=True)
        reply = (folder / 'reply').read_bytes()
        self.send_response(200)
        self.send_header('Content-Type', 'application/timestamp-reply')
        self.send_header('Content-Length', str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
";
    let folder = workshop.scratch.path();
    let (key, certificate) = (folder.join("tsa-key.pem"), folder.join("tsa.pem"));
    self_signed(
        &workshop.openssl,
        "/CN=Time",
        "critical,timeStamping",
        [&key, &certificate],
    );
    fs::write(folder.join("serial"), "01\n").unwrap();
    let settings = format!(
        "[tsa]\ndefault_tsa = t\n[t]\nserial = {0}/serial\nsigner_cert = {0}/tsa.pem\nsigner_key = {0}/tsa-key.pem\n\
         signer_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256\n",
        folder.display()
    );
    fs::write(folder.join("ts.cnf"), settings).unwrap();
    let mut child = Command::new(&pythons().last().unwrap().base)
        .args(["-I", "-c", SERVER])
        .args([folder, workshop.openssl.as_path()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut port)
        .unwrap();
    TimeStamps {
        child,
        url: format!("http://127.0.0.1:{}", port.trim()),
    }
}

#[test]
fn a_time_stamp_is_asked_for_and_told() {
    let Some(workshop) = Workshop::new() else {
        return;
    };
    let service = time_stamps(&workshop);
    let signing = |url: &str| Signing {
        timestamp: Some(url.to_owned()),
        ..workshop.signing.clone()
    };
    let signed = workshop.sign(&signing(&service.url));
    let found = signature::read(&signed).unwrap().unwrap();
    assert!(
        found.time_stamped && found.to_string().ends_with("time stamp)"),
        "{found}"
    );
    let payload = Payload::locate(&signed).unwrap();
    payload.verify(1).unwrap();
    // A service that does not answer leaves nothing behind.
    let file = workshop.scratch.path().join("late.exe");
    fs::copy(&workshop.exe, &file).unwrap();
    drop(service);
    let error = sign(&file, &file, "Guestbook", &signing("http://127.0.0.1:9/")).unwrap_err();
    assert!(error.to_string().contains("does not sign"), "{error}");
    assert!(fs::read(&file).unwrap() == fs::read(&workshop.exe).unwrap());
}
