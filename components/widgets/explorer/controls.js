/* Owns the explorer's controls and texts: built once, filled on every change. What is chosen is reported as a change
   of the view state, and shown when it comes back from there. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const { el } = BX;
  let serial = 0;

  const HONEST = 'These are the weights with which a head mixed its inputs: they show where it looked, not '
    + 'why the model wrote what it wrote. A large weight on a small vector moves nothing, the surplus is '
    + 'often parked on punctuation or on the first token, and in deeper layers a column no longer stands '
    + 'for its word alone. Averaging heads hides the specialists: open single heads in the overview.';
  const STEP = {
    wrote: 'A row is one step of writing: it read the word before the arrow and wrote the word after it. '
      + 'Rows stand for the word written; “word read” shifts every word to the step that reads it.',
    read: 'A row is one step of writing: it read the word before the arrow and wrote the word after it. '
      + 'Rows stand for the word read; “word written” shifts every word to the step that writes it.',
  };

  /** A text that speaks of words, for the unit in force: in pieces mode a row is a piece of a word. */
  A.unit = (text, words) => (words ? text : text.replace(/\bword(s?)\b/g, 'piece$1'));

  /** A choice among few as buttons that behave as radio buttons. */
  function segments(label, options, onChange) {
    const name = `bxa-${serial++}`;
    const [inputs, names] = [{}, {}];
    const field = el('fieldset', { class: 'bxa-seg' }, el('legend', { class: 'bxa-hush' }, label));
    for (const [value, text] of Object.entries(options)) {
      inputs[value] = el('input', { type: 'radio', name, value });
      inputs[value].addEventListener('change', () => onChange(value));
      field.append(el('label', {}, inputs[value], (names[value] = el('span', {}, text))));
    }
    const rename = (change) => {
      for (const [value, text] of Object.entries(options)) names[value].textContent = change(text);
    };
    return { field, inputs, rename, set: (value) => { inputs[value].checked = true; } };
  }

  /** A drop-down with its label. */
  function dropdown(label, onChange, extra = '') {
    const select = el('select', {});
    select.addEventListener('change', () => onChange(select.value));
    return { select, field: el('label', { class: `bxa-field ${extra}` }, el('span', {}, label), select) };
  }
  function fill(select, options, value) {
    const wanted = options.map(([v, text]) => `${v}\n${text}`).join('\f');
    if (select.dataset.options !== wanted) {
      select.replaceChildren(...options.map(([v, text]) => el('option', { value: v }, text)));
      select.dataset.options = wanted;
    }
    select.value = String(value);
  }
  const number = (value) => (/^\d+$/.test(value) ? Number(value) : value);
  const button = (label, text, onClick) => {
    const names = { class: 'bxa-button', 'aria-label': label, title: label };
    const node = el('button', { type: 'button', ...names }, text);
    node.addEventListener('click', onClick);
    return node;
  };

  /** Left: the overview with its two pickers. */
  function headsPanel(pick) {
    const layer = dropdown('layer', () => pick());
    const head = dropdown('head', () => pick());
    const mosaic = el('div', { class: 'bxa-mosaic-host' });
    const top = el('div', { class: 'bxa-top' }, el('h3', {}, 'All heads'), layer.field, head.field);
    const panel = el('section', { class: 'bxa-heads', 'aria-label': 'All heads' }, top, mosaic);
    return { layer, head, mosaic, panel };
  }

  /** Right: the large map with its title, legend, notes and table. */
  function mapPanel(zoom, by) {
    const title = el('h3', {});
    const zooms = el('div', { class: 'bxa-zoom' }, button('Zoom in', '+', zoom.in),
      button('Zoom out', '−', zoom.out), button('Show the whole map', 'fit', zoom.all));
    const map = el('div', { class: 'bxa-map' });
    const bar = el('span', { class: 'bxa-ramp' });
    const ends = [el('span', {}), el('span', {})];
    const legend = el('div', { class: 'bxa-legend' }, ends[0], bar, ends[1]);
    const honesty = el('p', { class: 'bxa-honesty', hidden: true }, HONEST);
    const honest = el('button', { type: 'button', class: 'bxa-honest', 'aria-expanded': 'false' },
      'where it looked, not why');
    honest.addEventListener('click', () => {
      honesty.hidden = !honesty.hidden;
      honest.setAttribute('aria-expanded', String(!honesty.hidden));
    });
    const text = el('p', {});
    const step = el('div', { class: 'bxa-step' }, by.field, text);
    const table = el('details', { class: 'bxa-table' }, el('summary', {}, 'the same as a table'),
      el('div', {}));
    const panel = el('section', { class: 'bxa-large', 'aria-label': 'Map' },
      el('div', { class: 'bxa-top' }, el('div', { class: 'bxa-title' }, title, honest), zooms),
      honesty, map, legend, step, table);
    return { title, map, bar, ends, text, table, panel };
  }

  /** Every row of the view with its strongest columns, as a table. */
  function fillTable(details, shown) {
    const body = details.lastChild;
    if (!details.open) { body.replaceChildren(); return; }
    const decoder = shown.kind !== 'encoder_self';
    const top = (row) => row.map((w, c) => [w, c]).filter(([w]) => w !== null)
      .sort((a, b) => b[0] - a[0]).slice(0, 4);
    const cell = ([w, c]) => el('td', {}, el('b', {}, shown.labels[c]), ` ${BX.percent(w)}`);
    const first = decoder ? ['read', 'wrote'] : ['word'];
    const names = [...first, 'looks most at', 'second', 'third', 'fourth'];
    const rows = shown.z.map((row, r) => el('tr', {},
      ...(decoder ? [el('td', {}, shown.pairs[r].read)] : []),
      el('th', { scope: 'row' }, shown.pairs[r].wrote), ...top(row).map(cell)));
    const head = el('tr', {}, ...names.map((name) => el('th', { scope: 'col' }, name)));
    body.replaceChildren(el('table', {}, el('thead', {}, head), el('tbody', {}, ...rows)));
  }

  function legendEnds(scale, shown) {
    const top = Math.max(0, ...shown.z.flat().map((w) => w ?? 0));
    return {
      fixed: ['0\u00a0%', '100\u00a0%'],
      row: ['0\u00a0%', 'the largest of each row'],
      map: ['0\u00a0%', `${BX.percent(top)}, the largest of this map`],
      log: [`${BX.percent(A.LOG_FLOOR)} or less`, '100\u00a0%, logarithmic'],
    }[scale];
  }

  /** How much weight lies on special tokens, and whether it is hidden. */
  function specialNote(shown, special, kind) {
    const any = [...special.keys.special, ...special.queries.special].some(Boolean);
    if (!any) return [false, 'none here'];
    const left = shown.hiddenRows;
    const rows = left ? `, ${left} row${left > 1 ? 's' : ''} left out` : '';
    const hides = special.keepColumns.length < special.columns.length;
    if (special.keepRows.length === 0 || special.keepColumns.length === 0) return [false, `all of ${kind}`];
    const share = BX.percent(Math.max(0, special.hidden));
    const hiding = shown.hiddenRows || shown.keepColumns.length < shown.columns.length;
    if (hiding) return [true, `${share} hidden${rows}`];
    return [true, hides ? `they hold ${share}` : 'no weight on them'];
  }

  BX.explorerControls = (root, on) => {
    const run = dropdown('run', (value) => on.run(value), 'bxa-run');
    const kind = segments('Kind of attention', on.titles, (value) => on.set({ map: value }));
    const unit = segments('Unit', { words: 'words', pieces: 'pieces' },
      (value) => on.set({ unit: value }));
    const by = segments('Rows stand for', { wrote: 'word written', read: 'word read' },
      (value) => on.set({ rows: value }));
    const scale = dropdown('scale', (value) => on.set({ scale: value }));
    const box = el('input', { type: 'checkbox' });
    const note = el('span', { class: 'bxa-note' });
    const hide = el('label', { class: 'bxa-check' }, box, el('span', {}, 'hide special tokens'), note);
    box.addEventListener('change', () => on.set({ hideSpecial: box.checked }));
    const picked = () => [heads.layer, heads.head].map(({ select }) => number(select.value));
    const heads = headsPanel(() => on.pick(...picked()));
    const large = mapPanel(on.zoom, by);
    const more = el('details', { class: 'bxa-more' }, el('summary', {}, 'View settings'),
      el('div', { class: 'bxa-options' }, unit.field, scale.field, hide));
    const lines = el('div', { class: 'bxa-lines' });
    const told = el('p', { class: 'bxa-told' });
    const clear = button('Clear the selection', 'clear', () => on.clear());
    const empty = el('p', { class: 'bxa-empty', hidden: true });
    const warning = el('div', { class: 'bxa-warning', role: 'note', hidden: true });
    const live = el('p', { class: 'bxa-hush', role: 'status', 'aria-live': 'polite' });
    const body = el('div', { class: 'bxa-body' }, lines, el('div', { class: 'bxa-saying' }, told, clear),
      el('div', { class: 'bxa-main' }, heads.panel, large.panel));
    const bar = el('div', { class: 'bxa-bar' }, kind.field, more, run.field);
    root.replaceChildren(bar, warning, empty, body, live);
    fill(scale.select, Object.entries(on.scales), 'fixed');

    const wide = window.matchMedia('(min-width: 720px)');
    const unfold = () => { more.open = wide.matches; };
    wide.addEventListener('change', unfold);
    unfold();
    let last = null;
    large.table.addEventListener('toggle', () => { if (last) fillTable(large.table, last); });

    /** Fills everything from what is looked at. state: see look() of explorer.js; special: the view without special
        tokens; figure: the skeleton of views/figure.py, which names the kinds. */
    function show(decoded, state, shown, special, figure) {
      last = shown;
      // 1) the choices: what is chosen, and what this run does not hold
      kind.set(state.kind);
      for (const name of A.KINDS) kind.inputs[name].disabled = !decoded.arrays[name];
      unit.set(state.words ? 'words' : 'pieces');
      by.set(state.by);
      by.rename((label) => A.unit(label, state.words));
      by.field.hidden = state.kind === 'encoder_self';
      const { shape: [L, H] } = decoded.arrays[state.kind];
      const options = (n, what) => [...Array.from({ length: n }, (_, i) => [i, i + 1]),
        ['mean', `mean of ${what}`], ['max', `max of ${what}`]];
      fill(heads.layer.select, options(L, 'layers'), state.layer);
      fill(heads.head.select, options(H, 'heads'), state.head);
      scale.select.value = state.scale;
      // 2) how much lies on special tokens, and whether it is hidden
      const [some, text] = specialNote(shown, special, figure.names[state.kind]);
      box.checked = state.hideSpecial;
      box.disabled = !some;
      note.textContent = text;
      // 3) what stands around the map: its title, legend, how a row reads, the table
      large.title.textContent = `Attention weights (raw), ${figure.names[state.kind]}, `
        + A.where(state.layer, state.head);
      large.bar.style.background = BX.gradient();
      legendEnds(state.scale, shown).forEach((end, i) => { large.ends[i].textContent = end; });
      const plain = state.kind === 'encoder_self';
      large.text.textContent = A.unit(plain ? 'A row is a word that is being read.' : STEP[state.by],
        state.words);
      fillTable(large.table, shown);
    }
    return {
      lines, told, clear, live, mosaic: heads.mosaic, map: large.map, show,
      runs(list, value) { fill(run.select, list.map((item) => [item.id, item.label]), value); },
      warn(lines) {
        warning.hidden = !lines.length;
        warning.replaceChildren(...lines.map((line) => el('p', {}, line)));
      },
      fail(text) { large.map.prepend(el('p', { class: 'bxa-fail', role: 'alert' }, text)); },
      empty(nothing, text) {
        empty.hidden = !nothing;
        empty.textContent = text || '';
        body.hidden = nothing;
      },
    };
  };
})();
