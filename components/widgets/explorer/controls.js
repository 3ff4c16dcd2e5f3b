/* Owns the explorer's controls and texts: built once, filled on every change. What is chosen is reported as a change
   of the view state, and shown when it comes back from there. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const { el, t } = BX;
  let serial = 0;

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
    const rename = (texts) => {
      for (const [value, text] of Object.entries(texts)) names[value].textContent = text;
    };
    return { field, inputs, rename, set: (value) => { inputs[value].checked = true; } };
  }

  /** The texts of some choices by their names: PLACE.NAME. */
  const options = (place, names) => Object.fromEntries(names.map((name) => [name, t(`${place}.${name}`)]));

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
    const layer = dropdown(t('explorer.layer'), () => pick());
    const head = dropdown(t('explorer.head'), () => pick());
    const mosaic = el('div', { class: 'bxa-mosaic-host' });
    const top = el('div', { class: 'bxa-top' }, el('h3', {}, t('explorer.all_heads')), layer.field, head.field);
    const panel = el('section', { class: 'bxa-heads', 'aria-label': t('explorer.all_heads') }, top, mosaic);
    return { layer, head, mosaic, panel };
  }

  /** Right: the large map with its title, legend, notes and table. */
  function mapPanel(zoom, by) {
    const title = el('h3', {});
    const zooms = el('div', { class: 'bxa-zoom' }, button(t('explorer.zoom_in'), '+', zoom.in),
      button(t('explorer.zoom_out'), '−', zoom.out),
      button(t('explorer.zoom_all'), t('explorer.zoom_all_button'), zoom.all));
    const map = el('div', { class: 'bxa-map' });
    const bar = el('span', { class: 'bxa-ramp' });
    const ends = [el('span', {}), el('span', {})];
    const legend = el('div', { class: 'bxa-legend' }, ends[0], bar, ends[1]);
    const honesty = el('p', { class: 'bxa-honesty', hidden: true }, t('explorer.honesty'));
    const honest = el('button', { type: 'button', class: 'bxa-honest', 'aria-expanded': 'false' },
      t('explorer.honest'));
    honest.addEventListener('click', () => {
      honesty.hidden = !honesty.hidden;
      honest.setAttribute('aria-expanded', String(!honesty.hidden));
    });
    const text = el('p', {});
    const step = el('div', { class: 'bxa-step' }, by.field, text);
    const table = el('details', { class: 'bxa-table' }, el('summary', {}, t('explorer.table')),
      el('div', {}));
    const panel = el('section', { class: 'bxa-large', 'aria-label': t('explorer.map') },
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
    const names = [...first, 'first', 'second', 'third', 'fourth'].map((name) => t(`explorer.table.${name}`));
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
      row: ['0\u00a0%', t('explorer.legend.row')],
      map: ['0\u00a0%', t('explorer.legend.map', { share: BX.percent(top) })],
      log: [t('explorer.legend.log_low', { share: BX.percent(A.LOG_FLOOR) }), t('explorer.legend.log_high')],
    }[scale];
  }

  /** How much weight lies on special tokens, and whether it is hidden. */
  function specialNote(shown, special, kind) {
    const any = [...special.keys.special, ...special.queries.special].some(Boolean);
    if (!any) return [false, t('explorer.special.none')];
    const left = shown.hiddenRows;
    const hides = special.keepColumns.length < special.columns.length;
    const all = special.keepRows.length === 0 || special.keepColumns.length === 0;
    if (all) return [false, t('explorer.special.all', { kind })];
    const share = BX.percent(Math.max(0, special.hidden));
    const hiding = shown.hiddenRows || shown.keepColumns.length < shown.columns.length;
    if (hiding && left) return [true, t('explorer.special.hidden_rows', { share, n: left })];
    if (hiding) return [true, t('explorer.special.hidden', { share })];
    return [true, hides ? t('explorer.special.held', { share }) : t('explorer.special.weightless')];
  }

  BX.explorerControls = (root, on) => {
    const run = dropdown(t('explorer.run'), (value) => on.run(value), 'bxa-run');
    const kind = segments(t('explorer.kind'), options('explorer.kind', A.KINDS), (value) => on.set({ map: value }));
    const unit = segments(t('explorer.unit'), options('explorer.unit', ['words', 'pieces']),
      (value) => on.set({ unit: value }));
    const by = segments(t('explorer.by'), options('explorer.by.words', ['wrote', 'read']),
      (value) => on.set({ rows: value }));
    const scale = dropdown(t('explorer.scale'), (value) => on.set({ scale: value }));
    const box = el('input', { type: 'checkbox' });
    const note = el('span', { class: 'bxa-note' });
    const hide = el('label', { class: 'bxa-check' }, box, el('span', {}, t('explorer.special')), note);
    box.addEventListener('change', () => on.set({ hideSpecial: box.checked }));
    const picked = () => [heads.layer, heads.head].map(({ select }) => number(select.value));
    const heads = headsPanel(() => on.pick(...picked()));
    const large = mapPanel(on.zoom, by);
    const more = el('details', { class: 'bxa-more' }, el('summary', {}, t('explorer.settings')),
      el('div', { class: 'bxa-options' }, unit.field, scale.field, hide));
    const lines = el('div', { class: 'bxa-lines' });
    const told = el('p', { class: 'bxa-told' });
    const clear = button(t('explorer.clear_label'), t('explorer.clear'), () => on.clear());
    const empty = el('p', { class: 'bxa-empty', hidden: true });
    const warning = el('div', { class: 'bxa-warning', role: 'note', hidden: true });
    const live = el('p', { class: 'bxa-hush', role: 'status', 'aria-live': 'polite' });
    const body = el('div', { class: 'bxa-body' }, lines, el('div', { class: 'bxa-saying' }, told, clear),
      el('div', { class: 'bxa-main' }, heads.panel, large.panel));
    const bar = el('div', { class: 'bxa-bar' }, kind.field, more, run.field);
    root.replaceChildren(bar, warning, empty, body, live);
    fill(scale.select, Object.entries(options('explorer.scale', ['fixed', 'row', 'map', 'log'])), 'fixed');

    const wide = window.matchMedia('(min-width: 720px)');
    const unfold = () => { more.open = wide.matches; };
    wide.addEventListener('change', unfold);
    unfold();
    let last = null;
    large.table.addEventListener('toggle', () => { if (last) fillTable(large.table, last); });

    /** Fills everything from what is looked at. state: see look() of explorer.js; special: the view without special
        tokens. */
    function show(decoded, state, shown, special) {
      last = shown;
      // 1) the choices: what is chosen, and what this run does not hold
      kind.set(state.kind);
      for (const name of A.KINDS) kind.inputs[name].disabled = !decoded.arrays[name];
      const unitName = state.words ? 'words' : 'pieces';
      unit.set(unitName);
      by.set(state.by);
      by.rename(options(`explorer.by.${unitName}`, ['wrote', 'read']));
      by.field.hidden = state.kind === 'encoder_self';
      const { shape: [L, H] } = decoded.arrays[state.kind];
      const picks = (n, what) => [...Array.from({ length: n }, (_, i) => [i, i + 1]),
        ...Object.entries(options(what, ['mean', 'max']))];
      fill(heads.layer.select, picks(L, 'explorer.layers'), state.layer);
      fill(heads.head.select, picks(H, 'explorer.heads'), state.head);
      scale.select.value = state.scale;
      // 2) how much lies on special tokens, and whether it is hidden
      const kindName = t(`map.kind.${state.kind}`);
      const [some, text] = specialNote(shown, special, kindName);
      box.checked = state.hideSpecial;
      box.disabled = !some;
      note.textContent = text;
      // 3) what stands around the map: its title, legend, how a row reads, the table
      large.title.textContent = t('explorer.map_title', { kind: kindName, where: A.where(state.layer, state.head) });
      large.bar.style.background = BX.gradient();
      legendEnds(state.scale, shown).forEach((end, i) => { large.ends[i].textContent = end; });
      const step = state.kind === 'encoder_self' ? 'encoder' : state.by;
      large.text.textContent = t(`explorer.step.${unitName}.${step}`);
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
