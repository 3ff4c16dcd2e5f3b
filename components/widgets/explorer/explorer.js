/* The attention explorer: state, controls, and what follows from a change. Nothing here asks the server,
   but for a run that the browser does not hold yet. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const TITLES = { encoder_self: 'Encoder self', decoder_self: 'Decoder self', cross: 'Cross' };
  const SCALES = { fixed: '0 to 100\u00a0%', row: 'per row', map: 'whole map', log: 'logarithmic' };
  const KEEP = 6; // runs the browser remembers

  BX.explorer = (root, api) => {
    const state = { kind: 'cross', words: true, by: 'wrote', scale: 'fixed', hideSpecial: false,
      picks: {}, room: 480 };
    const known = new Map(); // run id -> decoded run
    let run = null;
    let figure = null;
    let warnings = {}; // run id -> what its checkpoint should not be trusted with
    let newest = null;
    let asked = null; // the run that the server was asked for by name
    let selected = { line: 'output', words: [] };
    let before = selected; // what was selected before the last click, or quick row of clicks, on the map
    let clicked = 0;
    let hovered = null;
    let strip = null; // labels, special flags and groups of the two lines
    let width = 0;
    let undecided = true; // a new run has no word selected yet
    let drawnAxes = '';
    const plotly = BX.script(root.dataset.plotly).then(() => true, (error) => {
      ui.fail(`${error.message}; reload the page to try again.`);
      return false;
    });

    const ui = BX.explorerControls(root, {
      change(key, value) { state[key] = value; if (key === 'words' || key === 'by') rebuild(); render(); },
      pick(layer, head) { state.picks[state.kind] = { layer, head }; render(); },
      run: (id) => choose(id),
      clear() { select({ line: 'output', words: [] }); },
      zoom: { in: () => map.zoomIn(), out: () => map.zoomOut(), all: () => map.reset() },
      titles: TITLES, scales: SCALES,
    });
    const strips = BX.strips(ui.lines, { toggle, hover: preview });
    const mosaic = BX.mosaic(ui.mosaic, (layer, head) => {
      state.picks[state.kind] = { layer, head };
      render();
      say(`${A.where(layer, head)} opened`);
    });
    const map = BX.heatmap(ui.map, {
      hover: (r, c) => light(r, c),
      row: (r) => toggleAxis('rows', r),
      column: (c) => toggleAxis('columns', c),
      // Plotly tells a quick double click before its clicks: then there is nothing to take back.
      undo: () => { if (performance.now() - clicked < 1000) select(before); },
      say,
    });

    function say(text) { ui.live.textContent = text; }

    const pickOf = (kind) => {
      const { shape } = run.arrays[kind];
      const pick = state.picks[kind];
      const fits = (value, n) => typeof value === 'string' || value < n;
      if (!pick || !fits(pick.layer, shape[0]) || !fits(pick.head, shape[1])) {
        state.picks[kind] = A.opening(run, kind, state);
      }
      return state.picks[kind];
    };
    const viewOf = (kind, options) => {
      if (!run.arrays[kind]) return null;
      const { layer, head } = pickOf(kind);
      return A.view(run, kind, layer, head, { ...state, ...options });
    };

    let views = {}; // a view a kind, special tokens kept
    let shown = null; // the map's view

    function rebuild() {
      const was = strip;
      strip = strips.build(run, state.words);
      if (!was || !selected.words.length) return;
      const tokens = new Set(selected.words.flatMap((g) => was.groups[selected.line][g] || []));
      const groups = strip.groups[selected.line];
      selected.words = groups.map((_, g) => g).filter((g) => groups[g].some((token) => tokens.has(token)));
    }

    function render() {
      if (!run || !root.clientWidth) return;
      root.removeAttribute('aria-busy');
      width = root.clientWidth;
      const above = ui.map.getBoundingClientRect().top + window.scrollY; // what stands over the map
      state.room = width < 720 ? 440 : Math.max(330, Math.min(640, window.innerHeight - above - 44));
      // A long run gets what fits on the screen at once, even if the page has to be scrolled to it.
      const rows = run.arrays[state.kind]?.shape[2] || 0;
      state.room = Math.max(state.room, Math.min(window.innerHeight - 150, rows * 9));
      if (!run.arrays[state.kind]) state.kind = A.KINDS.find((kind) => run.arrays[kind]) || state.kind;
      views = Object.fromEntries(A.KINDS.map((kind) => [kind, viewOf(kind, { hideSpecial: false })]));
      const missing = A.KINDS.map((kind) => views[kind]).filter((view) => view?.missing);
      if (missing.length) { fetchMaps(missing.map((view) => view.wanted)); return; }
      shown = viewOf(state.kind, {});
      if (undecided) selected.words = decided();
      undecided = false;
      const pick = pickOf(state.kind);
      const drawn = { ...state, ...pick };
      const special = A.specialMass(run, state.kind, pick.layer, pick.head, state);
      ui.show(run, drawn, shown, special, figure);
      paint();
      mosaic.draw(run, drawn);
      const axes = [root.dataset.run, state.kind, state.words, state.hideSpecial].join();
      const keepZoom = axes === drawnAxes; // another layer, head or scale of the same words
      drawnAxes = axes;
      plotly.then(async (ready) => {
        if (!ready) return;
        await map.draw(shown, drawn, figure, keepZoom);
        pins();
        root.dataset.drawn = 1 + Number(root.dataset.drawn || 0);
      });
    }

    /** Asks for the maps of a large run that are to be shown; what stands there stays until they come. */
    function fetchMaps(wanted) {
      root.setAttribute('aria-busy', 'true');
      api.ask({ run: root.dataset.run, known: [...known.keys()], slices: wanted });
    }

    const hiddenIn = (line) => (g) => state.hideSpecial && strip.special[line][g];
    function paint() {
      const now = hovered || selected;
      const hidden = { source: hiddenIn('source'), output: hiddenIn('output') };
      const found = strips.tint(now, views, state, strip.labels.output.length);
      strips.paint(found, now, hidden, strip.labels, state.scale);
      const parts = now.words.length ? strips.describe(now, found, strip.labels, views, hidden, state.by)
        : [A.unit('Touch a word on either line to see where it looks. Several add up.', state.words)];
      A.tell(ui.told, parts);
      ui.clear.hidden = !selected.words.length;
      return A.plain(parts);
    }

    /** Which rows and columns of the map the selected words are. */
    function pins() {
      const rows = [];
      const columns = [];
      const find = (keep, index) => keep.indexOf(index);
      for (const g of selected.words) {
        if (state.kind === 'encoder_self') {
          if (selected.line === 'source') rows.push(find(shown.keepRows, g));
        } else if (selected.line === 'output') {
          rows.push(find(shown.keepRows, strips.rowOf(shown, g, state.by)));
        } else if (state.kind === 'cross') columns.push(find(shown.keepColumns, g));
      }
      map.pin(rows.filter((r) => r >= 0), columns.filter((c) => c >= 0));
    }

    function select(next) {
      selected = next;
      hovered = null;
      say(paint());
      pins();
    }
    function toggle(line, g) {
      const words = selected.line === line ? [...selected.words] : [];
      const at = words.indexOf(g);
      if (at >= 0) words.splice(at, 1);
      else words.push(g);
      select({ line, words: words.sort((a, b) => a - b) });
    }
    function preview(line, g) {
      hovered = line && !selected.words.length ? { line, words: [g] } : null;
      paint();
    }

    /** The words of the two lines behind a row and a column of the map. */
    function wordsOf(r, c) {
      const row = shown.keepRows[r];
      const column = shown.keepColumns[c];
      const out = state.by === 'read' ? row : row + 1;
      if (state.kind === 'encoder_self') return { row: ['source', row], column: ['source', column] };
      return { row: ['output', out], column: [state.kind === 'cross' ? 'source' : 'output', column] };
    }
    function light(r, c) {
      if (r == null || !shown) { strips.light(null); return; }
      const { row, column } = wordsOf(r, c);
      const marked = { source: [], output: [] };
      marked[row[0]].push(row[1]);
      marked[column[0]].push(column[1]);
      strips.light(marked);
    }
    function toggleAxis(side, index) {
      const { row, column } = wordsOf(side === 'rows' ? index : 0, side === 'rows' ? 0 : index);
      const [line, word] = side === 'rows' ? row : column;
      // A double click may bring both of its clicks first: what it takes back is what stood before them.
      if (performance.now() - clicked > 500) before = selected;
      clicked = performance.now();
      const same = selected.line === line && selected.words.length === 1 && selected.words[0] === word;
      select({ line, words: same ? [] : [word] });
    }

    /** The output word that looks most decidedly at one source word: what a new run opens with. */
    function decided() {
      const view = viewOf('cross', { hideSpecial: false, by: 'wrote' });
      if (!view || view.missing) return [];
      let best = [-1, -1];
      view.z.forEach((row, r) => {
        const word = /^\p{L}{3,}/u.test(view.pairs[r].wrote);
        const top = Math.max(...row);
        if (word && top > best[0]) best = [top, r + 1];
      });
      return best[1] > 0 ? [best[1]] : [];
    }

    function open(id) {
      run = known.get(id);
      root.dataset.run = id;
      ui.warn(warnings[id] || []);
      selected = { line: 'output', words: [] };
      hovered = null;
      strip = null;
      rebuild();
      undecided = true;
      render();
    }
    function choose(id) {
      asked = id;
      if (known.has(id)) { open(id); return; }
      root.setAttribute('aria-busy', 'true');
      api.ask({ run: id, known: [...known.keys()] });
    }

    function load() {
      const value = api.value();
      if (!value?.runs) return;
      root.removeAttribute('aria-busy');
      figure = value.figure || figure;
      warnings = value.warnings || {};
      ui.runs(value.runs, value.run);
      if (value.trace) {
        known.set(value.run, A.decode(value.trace));
        if (known.size > KEEP) known.delete(known.keys().next().value);
      }
      ui.empty(!value.runs.length, value.note);
      if (value.slices && known.has(value.run)) {
        A.keep(known.get(value.run), value.slices);
        if (value.run === root.dataset.run && Object.keys(value.slices).length) render();
      }
      // A run that came since the last look is opened, and one that was asked for; else nothing moves.
      const turn = !run || value.newest !== newest || asked === value.run;
      newest = value.newest;
      asked = null;
      if (turn && known.has(value.run) && value.run !== root.dataset.run) open(value.run);
      else if (run) ui.runs(value.runs, root.dataset.run);
    }

    /** The tab came into view: are there new runs, or one that another tab wants to be seen here? */
    function refresh() {
      asked = BX.wantedRun || null;
      BX.wantedRun = null;
      if (known.has(asked)) open(asked);
      api.ask({ run: asked || '', known: [...known.keys()] });
    }
    const redraw = BX.coalesce(() => { if (root.clientWidth && root.clientWidth !== width) render(); });
    new ResizeObserver(redraw).observe(root);
    let visible = false;
    new IntersectionObserver(([entry]) => {
      if (entry.isIntersecting && !visible) refresh();
      visible = entry.isIntersecting;
    }).observe(root);
    BX.onTheme(() => render());
    api.watch(load);
    load();

    // What is shown, in numbers: for tests and for the curious at the console.
    root.bxa = { state, mosaic, map, get run() { return run; }, get view() { return shown; },
      get views() { return views; }, get selected() { return selected; } };
  };
})();
