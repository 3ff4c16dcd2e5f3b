/* What every widget of the page shares: window.BX. Plain functions, no framework, nothing fetched. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});

  // The stops of components/views/palette.py; a test keeps the two equal.
  BX.STOPS = {
    light: ['#ffffff', '#ffeed4', '#ffdab2', '#fec695', '#ffaf79', '#fb9966', '#f4845d', '#e97159', '#db5f59',
      '#cb4f5b', '#b8425d', '#a4385d', '#8e305c', '#772b57', '#612750', '#4b2345', '#361f37'],
    dark: ['#16181d', '#2b1b37', '#402048', '#572455', '#6f285d', '#872d61', '#9f3561', '#b53f5e', '#c94d5a',
      '#da5f54', '#e87351', '#f28953', '#f89f5d', '#fbb76f', '#fccd8a', '#fde2aa', '#fff6d2'],
  };
  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const ramps = { light: BX.STOPS.light.map(channels), dark: BX.STOPS.dark.map(channels) };

  BX.dark = () => document.body.classList.contains('dark');

  /** Weight t in 0..1 -> [r, g, b]. */
  BX.rgb = (t, dark = BX.dark()) => {
    const ramp = dark ? ramps.dark : ramps.light;
    const at = Math.min(1, Math.max(0, t || 0)) * (ramp.length - 1);
    const low = Math.min(ramp.length - 2, Math.floor(at));
    const between = (c) => ramp[low][c] + (ramp[low + 1][c] - ramp[low][c]) * (at - low);
    return [0, 1, 2].map((c) => Math.round(between(c)));
  };
  /** Weight t in 0..1 -> 'rgb(r, g, b)'; 0 is the page's colour. */
  BX.color = (t, dark = BX.dark()) => `rgb(${BX.rgb(t, dark).join(', ')})`;
  /** The text colour that reads on BX.color(t). */
  BX.ink = (t, dark = BX.dark()) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = BX.rgb(t, dark).map((c) => linear(c / 255));
    const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    return luminance > 0.179 ? '#000000' : '#ffffff';
  };
  /** The whole map as a CSS gradient. */
  BX.gradient = (dark = BX.dark()) =>
    `linear-gradient(to right, ${BX.STOPS[dark ? 'dark' : 'light'].join(', ')})`;

  /** Base64 of little-endian uint16 -> Uint16Array; a value v is worth v / 65535. */
  BX.u16 = (b64) => {
    const text = atob(b64 || '');
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return new Uint16Array(bytes.buffer);
    const view = new DataView(bytes.buffer);
    return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true));
  };
  /** {shape, u16} -> {shape, data: Uint16Array}, or null. */
  BX.array = (packed) => (packed ? { shape: packed.shape, data: BX.u16(packed.u16) } : null);

  /** Text that is safe inside HTML and inside Plotly's pseudo-HTML labels. */
  const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  BX.esc = (s) => String(s).replace(/[&<>"]/g, (c) => ENTITIES[c]);

  const SPECIAL = /^(<(pad|s|\/s|bos|eos|unk|mask|::::)>|\[(CLS|SEP|PAD|MASK)\]|<\|endoftext\|>)$/;
  const BYTE = /^<0x([0-9A-F]{2})>$/;
  BX.isSpecial = (piece) => SPECIAL.test(piece);
  BX.isByte = (piece) => BYTE.test(piece);
  BX.isSpace = (piece) => /^[▁Ġ]$/.test(piece);
  /** A SentencePiece, WordPiece or byte-level BPE piece as people read it. */
  BX.show = (piece) => {
    if (SPECIAL.test(piece)) return piece;
    const byte = BYTE.exec(piece);
    if (byte) return 'x' + byte[1];
    return piece.replace(/^##/, '').replace(/[▁Ġ]/g, ' ').replace(/\n/g, '⏎').trim() || '␣';
  };

  /** What each piece shows in a text: the bytes of a letter show it once, on the first of them. */
  BX.spelled = (pieces) => {
    const shown = pieces.map((piece, i) => (BX.isByte(pieces[i + 1]) && BX.isSpace(piece) ? '' : BX.show(piece)));
    const bytes = pieces.map((piece) => { const found = BYTE.exec(piece); return found ? parseInt(found[1], 16) : -1; });
    const utf8 = new TextDecoder('utf-8', { fatal: true });
    bytes.forEach((lead, i) => {
      const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
      const own = bytes.slice(i, i + size);
      if (lead < 0xc2 || own.length < size || own.includes(-1)) return; // no beginning of a letter
      try {
        const letter = utf8.decode(Uint8Array.from(own));
        shown.fill('', i, i + size)[i] = letter;
      } catch { /* not UTF-8: the bytes stay as they are */ }
    });
    return shown;
  };

  /** 0.6234 -> '62 %', 0.004 -> '0.4 %', 0.00001 -> '<0.1 %'. The space is a no-break space. */
  BX.percent = (p) => {
    const value = 100 * p;
    if (value === 0) return '0\u00a0%';
    if (value < 0.1) return '<0.1\u00a0%';
    return `${value < 1 ? value.toFixed(1) : Math.round(value)}\u00a0%`;
  };

  /** fn(dark) now and whenever the page turns light or dark. Returns a function that ends it. */
  BX.onTheme = (fn, now = false) => {
    let last = BX.dark();
    if (now) fn(last);
    const observer = new MutationObserver(() => {
      if (BX.dark() !== last) fn((last = BX.dark()));
    });
    observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    return () => observer.disconnect();
  };

  /** An element: BX.el('button', {class: 'x', 'aria-label': 'y'}, 'text', child, ...). */
  BX.el = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === false || value == null) continue;
      node.setAttribute(key, value === true ? '' : value);
    }
    node.append(...children.filter((child) => child != null));
    return node;
  };

  /** fn at most once a frame, however often it is asked for. */
  BX.coalesce = (fn) => {
    let frame = 0;
    return () => {
      if (!frame) frame = requestAnimationFrame(() => { frame = 0; fn(); });
    };
  };

  const scripts = {};
  /** Loads a script of our own server once; resolves when it has run. */
  BX.script = (src) => (scripts[src] = scripts[src] || new Promise((done, failed) => {
    const node = BX.el('script', { src });
    node.onload = () => done();
    node.onerror = () => { delete scripts[src]; failed(new Error(`could not load ${src}`)); };
    document.head.append(node);
  }));
})();
