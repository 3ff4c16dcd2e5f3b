/* Owns the source and the output as lines of words: touch one to see where it looks, several add up. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;

  /** The two lines of a run by their names in a selection. */
  const outlines = (run) => ({ source: run.lines.source, output: run.lines.output });

  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const mean = (rows) => rows[0].map((_, c) => sum(rows.map((row) => row[c] || 0)) / rows.length);

  /** The row of a decoder map that belongs to word g of the output line; -1 when there is none. */
  function rowOf(view, g, by) {
    const r = by === 'read' ? g : g - 1;
    return r < view.rows.length ? r : -1;
  }

  /** Weights (and their colours, 0..1) of chosen queries over a map's columns, the mean of several. */
  function looks(view, rows, scale) {
    if (!rows.length) return null;
    const weights = mean(rows.map((r) => view.z[r]));
    const top = Math.max(1e-9, ...weights);
    const tint = A.scaler(scale, view.z);
    return { weights, tints: weights.map((w) => (scale === 'row' ? w / top : tint(w, 0))) };
  }

  /** The other way round: how much of each row's weight lies on the chosen columns, added up. */
  function looked(view, columns, scale) {
    const weights = view.z.map((row) => sum(columns.map((c) => row[c] || 0)));
    const tint = A.scaler(scale, view.z);
    return { weights, tints: weights.map((w, r) => Math.min(1, tint(w, r))) };
  }

  /** Spreads a decoder map's row values over the words of the output line. */
  function toOutput(found, count, by) {
    const at = (g) => (by === 'read' ? g : g - 1);
    const place = (values) => Array.from({ length: count }, (_, g) => values[at(g)] ?? null);
    return { weights: place(found.weights), tints: place(found.tints) };
  }

  /** Source words and output words as {weights, tints}, or null, for what is selected.
      views: one view a kind (special tokens not hidden), or null where a kind was not captured. */
  function tint(selected, views, state, count) {
    const { line, words } = selected;
    const result = { source: null, output: null };
    if (!words.length) return result;
    if (line === 'output') {
      const rows = (view) => words.map((g) => rowOf(view, g, state.by)).filter((r) => r >= 0);
      if (views.cross) result.source = looks(views.cross, rows(views.cross), state.scale);
      if (views.decoder_self) {
        const found = looks(views.decoder_self, rows(views.decoder_self), state.scale);
        result.output = found;
      }
    } else {
      if (views.encoder_self) result.source = looks(views.encoder_self, words, state.scale);
      if (views.cross) result.output = toOutput(looked(views.cross, words, state.scale), count, state.by);
    }
    return result;
  }

  /** selected line -> line looked at -> the kind of attention that says so. */
  const LOOKS = {
    source: { source: 'encoder_self', output: 'cross' },
    output: { source: 'cross', output: 'decoder_self' },
  };
  const joint = (i, n) => (i === 0 ? '' : i === n - 1 ? BX.t('explorer.and') : ', ');
  const list = (parts) => parts.flatMap((part, i) => [joint(i, parts.length), part]);
  /** The strongest of a line as parts: "*cat* 62 %, *is* 5 %". */
  function strongest(found, labels, hidden, most = 3) {
    const order = found.weights.map((w, i) => [w, i]).filter(([w, i]) => w >= 0.005 && !hidden(i))
      .sort((a, b) => b[0] - a[0]).slice(0, most);
    if (!order.length) return [BX.t('explorer.nothing')];
    return order.flatMap(([w, i], n) => [n ? ', ' : '', { token: labels[i] }, ` ${BX.percent(w)}`]);
  }

  /** What a selection shows, as a sentence in parts. found: what tint() gave; labels, hidden: a line each. */
  function describe(selected, found, labels, views, hidden, by) {
    // 1) who looks: "*cat* and *is* (mean)"
    const words = list(selected.words.map((g) => ({ token: labels[selected.line][g] })));
    const mean = selected.words.length > 1 ? BX.t('explorer.mean') : '';
    // 2) at what, and in which map
    const at = (line) => {
      const kind = LOOKS[selected.line][line];
      const { layer, head } = views[kind];
      return { most: strongest(found[line], labels[line], hidden[line]), kind: BX.t(`map.short.${kind}`),
        place: A.where(layer, head, 'map.inside') };
    };
    const say = (name, values) => BX.parts(`explorer.says.${name}`, values);
    // 3) the sentence: words of the source are read, those of the output written
    if (selected.line === 'source') {
      const who = say('reading', { words });
      const looked = found.source ? say('looked', { who, mean, ...at('source') }) : who;
      const step = by === 'read' ? 'looked_read' : 'looked_writing';
      return [...looked, ...(found.output ? say(step, at('output')) : [])];
    }
    if (!found.source && !found.output) return say(by === 'read' ? 'never_read' : 'never_written', { words });
    const who = say(by === 'read' ? 'having_read' : 'writing', { words, mean });
    if (!found.source) return say('output', { who, ...at('output') });
    return [...say('source', { who, ...at('source') }), ...(found.output ? say('output_too', at('output')) : [])];
  }

  /** The two lines inside host. on: {toggle(line, g), hover(line, g) or hover(null)}. */
  BX.strips = (host, on) => {
    const lines = {};
    for (const line of ['source', 'output']) {
      const tokens = BX.el('div', { class: 'bxa-tokens', role: 'group', dir: 'auto',
        'aria-label': BX.t(`explorer.line_label.${line}`) });
      lines[line] = { tokens, buttons: [] };
      const name = BX.el('span', { class: 'bxa-name' }, BX.t(`explorer.line.${line}`));
      host.append(BX.el('div', { class: 'bxa-line' }, name, tokens));
      tokens.addEventListener('keydown', (event) => walk(event, lines[line].buttons));
      const index = (event) => lines[line].buttons.indexOf(event.target.closest?.('button'));
      tokens.addEventListener('click', (event) => {
        const g = index(event);
        if (g >= 0) on.toggle(line, g);
      });
      tokens.addEventListener('pointerover', (event) => {
        if (event.pointerType === 'mouse') { const g = index(event); if (g >= 0) on.hover(line, g); }
      });
      tokens.addEventListener('pointerleave', () => on.hover(null));
    }

    function walk(event, buttons) {
      const step = BX.arrow(event)?.[1];
      const at = buttons.indexOf(document.activeElement);
      if (!step || at < 0) return;
      event.preventDefault();
      const next = buttons[Math.min(buttons.length - 1, Math.max(0, at + step))];
      buttons.forEach((button) => { button.tabIndex = button === next ? 0 : -1; });
      next.focus();
    }

    /** Makes the words of a run anew. -> labels and special flags a line */
    function build(run, words) {
      const both = outlines(run);
      const made = { labels: {}, special: {}, groups: {} };
      for (const [name, line] of Object.entries(both)) {
        const groups = A.groupsOf(line, words);
        made.groups[name] = groups;
        made.labels[name] = groups.map((group) => A.labelOf(line, group[0], words));
        made.special[name] = groups.map((group) => line.special[group[0]]);
        lines[name].buttons = groups.map((group, g) => {
          const text = words ? made.labels[name][g] : line.tokens[group[0]].label; // no dot: pieces hang together
          const joined = !words && g > 0 && line.words[group[0]] === line.words[group[0] - 1];
          return BX.el('button', { type: 'button', tabindex: g ? -1 : 0, 'aria-pressed': 'false',
            class: `bxa-token${made.special[name][g] ? ' special' : ''}${joined ? ' joined' : ''}` },
          BX.el('span', {}, text), BX.el('small', {}, '\u00a0'));
        });
        lines[name].tokens.replaceChildren(...lines[name].buttons);
      }
      return made;
    }

    /** found: {source, output} of tint(); selected {line, words}; hidden: a line -> fn(g). */
    function paint(found, selected, hidden, labels, scale) {
      const dark = BX.gradio.dark();
      const least = scale === 'log' ? A.LOG_FLOOR : 0.005; // what is tinted has its number
      for (const [name, { buttons }] of Object.entries(lines)) {
        const { weights = [], tints = [] } = found[name] || {};
        buttons.forEach((button, g) => {
          const on = selected.line === name && selected.words.includes(g);
          const off = hidden[name](g);
          const t = off ? null : tints[g] ?? null;
          const weight = off ? null : weights[g] ?? null;
          button.style.background = t === null || t < 0.004 ? '' : BX.color(t, dark);
          button.style.color = t === null || t < 0.02 ? '' : BX.ink(t, dark);
          button.classList.toggle('off', off);
          button.classList.toggle('on', on);
          button.setAttribute('aria-pressed', String(on));
          const told = weight !== null && weight >= least ? BX.percent(weight) : '';
          button.lastChild.textContent = told || '\u00a0';
          button.setAttribute('aria-label', told ? `${labels[name][g]}, ${told}` : labels[name][g]);
        });
      }
    }

    /** Scrolls a long line, never the page, until the word is seen. */
    function reveal(box, button) {
      const top = button.offsetTop;
      if (top < box.scrollTop) box.scrollTop = top;
      const under = top + button.offsetHeight - box.clientHeight;
      if (under > box.scrollTop) box.scrollTop = under;
    }

    /** Outlines one word a line, as the map's cursor stands on it; null for none. */
    function light(marked) {
      for (const [name, { buttons }] of Object.entries(lines)) {
        buttons.forEach((button, g) => {
          const on = Boolean(marked?.[name].includes(g));
          button.classList.toggle('lit', on);
          if (on) reveal(button.parentNode, button);
        });
      }
    }
    return { build, paint, light, tint, describe };
  };
  Object.assign(A, { outlines, rowOf });
})();
