//! What the targets share: calling everything there is.

use payload::{Check, Payload};

/// Calls everything that a bootloader, a runtime or `pack` calls, whatever the payload says: all of it must answer.
pub fn call_everything(payload: &Payload<'_>) {
    let _ = payload.verify(1);
    let _ = payload.verify_index();
    let _ = payload.verify_structure();
    let _ = payload.verify_contents(1);
    let _ = (
        payload.content_hash(),
        payload.prefix_length(),
        payload.payload_length(),
        payload.is_empty(),
    );
    let _ = payload.program();
    for entry in payload.entries().take(100).flatten() {
        let _ = entry.verified();
        let _ = entry.copy_to(&mut std::io::sink(), Check::Hash);
        let _ = entry.matches(&mut entry.stored());
        let _ = payload.find(entry.path);
    }
    for number in 0..payload.module_count().min(100) {
        if let Ok(module) = payload.module_at(number) {
            let _ = payload.module(module.name);
            let _ = payload.modules_below(module.parent()).count();
            let _ = (module.preload().count(), module.needs().count());
        }
    }
}
