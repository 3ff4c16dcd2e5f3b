/* Owns what every widget shares: colours, packed numbers, the page's words, how sentences read, elements. Plain
   functions on window.BX; no framework, no state, nothing fetched. */
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

  /** Weight t in 0..1 -> [r, g, b]. */
  BX.rgb = (t, dark = BX.gradio.dark()) => {
    const ramp = dark ? ramps.dark : ramps.light;
    const at = Math.min(1, Math.max(0, t || 0)) * (ramp.length - 1);
    const low = Math.min(ramp.length - 2, Math.floor(at));
    const between = (c) => ramp[low][c] + (ramp[low + 1][c] - ramp[low][c]) * (at - low);
    return [0, 1, 2].map((c) => Math.round(between(c)));
  };
  /** Weight t in 0..1 -> 'rgb(r, g, b)'; 0 is the page's colour. */
  BX.color = (t, dark = BX.gradio.dark()) => `rgb(${BX.rgb(t, dark).join(', ')})`;
  /** The text colour that reads on BX.color(t). */
  BX.ink = (t, dark = BX.gradio.dark()) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = BX.rgb(t, dark).map((c) => linear(c / 255));
    const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    return luminance > 0.179 ? '#000000' : '#ffffff';
  };
  /** The whole map as a CSS gradient. */
  BX.gradient = (dark = BX.gradio.dark()) =>
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

  /** One map [R * C] out of [L, H, R, C]: heads first, then layers; each an index, 'mean' or 'max'.
      one: what a weight of 1 is in data. */
  BX.aggregate = ({ L, H, R, C, data }, layer, head, one = 1) => {
    const size = R * C;
    const out = new Float32Array(size);
    const layers = typeof layer === 'number' ? [layer] : [...Array(L).keys()];
    const heads = typeof head === 'number' ? [head] : [...Array(H).keys()];
    for (const l of layers) {
      for (let i = 0; i < size; i++) {
        let value = 0;
        for (const h of heads) {
          const weight = data[(l * H + h) * size + i] / one;
          value = head === 'max' ? Math.max(value, weight) : value + weight / heads.length;
        }
        out[i] = layer === 'max' ? Math.max(out[i], value) : out[i] + value / layers.length;
      }
    }
    return out;
  };

  /** Text that is safe inside HTML and inside Plotly's pseudo-HTML labels. */
  const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  BX.esc = (s) => String(s).replace(/[&<>"]/g, (c) => ENTITIES[c]);

  /** 0.6234 -> '62 %', 0.004 -> '0.4 %', 0.00001 -> '<0.1 %'. The space is a no-break space. */
  BX.percent = (p) => {
    const value = 100 * p;
    if (value === 0) return '0\u00a0%';
    if (value < 0.1) return '<0.1\u00a0%';
    return `${value < 1 ? value.toFixed(1) : Math.round(value)}\u00a0%`;
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

  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  /** What an arrow key asks for as [rows, columns], or undefined for any other key. */
  BX.arrow = (event) => STEPS[event.key];

  // ---- the page's words: assets/strings, by the rules of components/strings.py

  const textOf = (key, values) => {
    const form = values.n === 1 ? 'one' : 'other';
    const text = BX.strings[key] ?? BX.strings[`${key}.${form}`];
    if (text === undefined) throw new Error(`there is no text ${key}`);
    return text;
  };
  const PLACE = /\{(\w+)\}/g;
  const valueOf = (name, values) => {
    if (!(name in values)) throw new Error(`there is no value for ${name}`);
    return values[name];
  };
  const filled = (text, values) => text.replace(PLACE, (_, name) => valueOf(name, values));
  /** The text of a key with its placeholders filled: BX.t('player.tokens', {n: 3}). Plain text, never HTML. */
  BX.t = (key, values = {}) => filled(textOf(key, values).replaceAll('*', ''), values);
  /** As BX.t, in the parts that BX.tell and BX.plain take: what stands between stars is a {token}. A value may be
      a list of parts itself. */
  BX.parts = (key, values = {}) => textOf(key, values).split('*').flatMap((piece, i) => {
    if (i % 2) return { token: filled(piece, values) };
    return piece.split(PLACE).flatMap((text, at) => (at % 2 ? valueOf(text, values) : text)); // each second is a name
  });
  /** Fills a template's words: data-t is the key of an element's text, data-t-NAME that of its attribute NAME. */
  BX.words = (root) => {
    for (const node of [root, ...root.querySelectorAll('*')]) {
      for (const { name, value } of [...node.attributes]) {
        if (name === 'data-t') node.textContent = BX.t(value);
        else if (name.startsWith('data-t-')) node.setAttribute(name.slice('data-t-'.length), BX.t(value));
      }
    }
  };

  // ---- sentences

  /** A token in a sentence; one without a letter or digit gets quotes, lest it read as punctuation. */
  BX.quoted = (token) => (/[\p{L}\p{N}]/u.test(token) ? token : `“${token}”`);
  /** A sentence in parts, plain strings and {token}, as text. */
  BX.plain = (parts) => parts.map((part) => (part.token == null ? part : BX.quoted(part.token))).join('');
  /** Puts a sentence's parts into an element; tokens stand in <b>, as text, never as HTML. */
  BX.tell = (node, parts) => {
    node.replaceChildren(...parts.map(
      (part) => (part.token == null ? part : BX.el('b', {}, BX.quoted(part.token)))));
  };

  /** fn at most once a frame, however often it is asked for. */
  BX.coalesce = (fn) => {
    let frame = 0;
    return () => {
      if (!frame) frame = requestAnimationFrame(() => { frame = 0; fn(); });
    };
  };

  const scripts = {};
  /** Loads a script of our own server once; resolves when it has run, fails with an error that names it. */
  BX.script = (src) => (scripts[src] = scripts[src] || new Promise((done, failed) => {
    const node = BX.el('script', { src });
    node.onload = () => done();
    node.onerror = () => { delete scripts[src]; failed(new Error(src)); };
    document.head.append(node);
  }));
})();
