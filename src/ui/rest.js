// The program comes in two parts (tests/tools/split.sh): what a first look runs, and the rest. The rest is
// fetched at the first sign of somebody using the page. Should any of it be needed before it is there, the
// page waits for it. A program that was not cut never asks.
(() => {
    const signs = ['pointermove', 'pointerdown', 'keydown', 'dragenter'];
    let first = null;
    let there = true;

    const url = () => document.querySelector('link[href$="_bg.wasm"]').href.replace(/_bg\.wasm$/, '_rest.wasm');

    // What only the rest draws has its own styles.
    function dress() {
        for (const name of ['theatre', 'spacetime', 'operations']) {
            const style = document.createElement('link');
            style.rel = 'stylesheet';
            style.href = `static/${name}.css?${document.querySelector('link[href$="_bg.wasm"]').href.replace(/.*-/, '')}`;
            document.head.append(style);
        }
    }

    // Filling the table between both parts is all that the rest does when it is made.
    function join(module) {
        if (!there) {
            new WebAssembly.Instance(module, { first });
            there = true;
            dress();
        }
    }

    async function fetchAhead() {
        signs.forEach((sign) => removeEventListener(sign, fetchAhead, true));
        try {
            join(await WebAssembly.compileStreaming(fetch(url())));
        } catch {
            // It is asked for again when it is needed.
        }
    }

    // Another place of this page's.
    addEventListener('hashchange', () => location.reload());

    globalThis.terrarium = {
        // Told once, with the first part's exports.
        expect_rest(exports) {
            first = exports;
            there = !('t0' in exports);
            if (there) {
                dress();
            } else {
                signs.forEach((sign) => addEventListener(sign, fetchAhead, true));
            }
        },

        // Called by the first part in the middle of its work: it cannot be told to come back later.
        load_rest() {
            if (there) {
                return;
            }
            const request = new XMLHttpRequest();
            request.open('GET', url(), false);
            request.overrideMimeType('text/plain; charset=x-user-defined');
            try {
                request.send();
                if (request.status !== 200) {
                    throw new Error(`status ${request.status}`);
                }
                join(new WebAssembly.Module(Uint8Array.from(request.responseText, (char) => char.charCodeAt(0))));
            } catch (error) {
                document.querySelector('.broken')?.remove();
                const notice = document.createElement('p');
                notice.className = 'broken';
                notice.setAttribute('role', 'alert');
                notice.textContent = 'A part of this page could not be loaded. Load the page again to go on; '
                    + 'the link in the address bar still holds what was shared.';
                document.body.prepend(notice);
                throw error;
            }
        },

        // Saves text as a file; a drawing as a picture, at twice its size, when the name ends so.
        async save(name, type, text) {
            let blob = new Blob([text], { type });
            if (name.endsWith('.png')) {
                const image = new Image();
                image.src = `data:${type};charset=utf-8,${encodeURIComponent(text)}`;
                await image.decode();
                const canvas = document.createElement('canvas');
                canvas.width = 2 * image.width;
                canvas.height = 2 * image.height;
                canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
                blob = await new Promise((done) => canvas.toBlob(done));
            }
            const anchor = document.createElement('a');
            anchor.href = URL.createObjectURL(blob);
            anchor.download = name;
            anchor.click();
            setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
        },
    };
})();
