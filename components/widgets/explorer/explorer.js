/* Owns the attention explorer as a whole: a factory over a view state that joins its parts (runs, controls, text
   lines, overview, map) and draws them anew when the state changes. Only a run, or a map of a large run, that the
   browser does not hold yet is asked of the server. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const { NOTHING, ...S } = A.selection;
  const NARROW = 720; // px, below which parts stand under each other
  const QUICK = 500; // ms within which clicks are one row of clicks

  /** Height in px that the overview and the map may take. */
  function roomFor(host, width, rows) {
    const above = host.getBoundingClientRect().top + window.scrollY; // what stands over the map
    const screen = Math.max(330, Math.min(640, window.innerHeight - above - 44));
    const room = width < NARROW ? 440 : screen;
    // A long run gets what fits on the screen at once, even if the page has to be scrolled to it.
    return Math.max(room, Math.min(window.innerHeight - 150, rows * 9));
  }

  class Explorer {
    constructor(root, view, port) {
      Object.assign(this, { root, view });
      this.run = null; // decoded, see data.js
      this.figure = null; // the skeleton of views/figure.py
      this.warnings = {}; // run id -> what its checkpoint should not be trusted with
      this.views = {}; // kind -> its view, special tokens kept
      this.shown = null; // the map's view
      this.strip = null; // labels, special flags and groups of the two text lines
      this.hovered = null; // a selection that lasts as long as the mouse stays
      this.before = NOTHING; // the selection before the last click, or quick row of clicks, on the map
      this.clicked = 0;
      this.width = 0;
      this.visible = false;
      this.runs = A.runs(port);
      this.build();
      this.listen(port);
      this.load(port.value());
    }

    // ---- parts and what they report

    build() {
      const { root, view } = this;
      this.ui = BX.explorerControls(root, {
        set: (patch) => this.change(patch),
        pick: (layer, head) => view.choose(this.kind(), layer, head),
        run: (id) => view.set({ run: id }),
        clear: () => this.select(NOTHING),
        zoom: { in: () => this.map.zoomIn(), out: () => this.map.zoomOut(), all: () => this.map.reset() },
      });
      this.strips = BX.strips(this.ui.lines, {
        toggle: (line, g) => this.select(S.toggled(this.selected, line, g)),
        hover: (line, g) => this.preview(line, g),
      });
      this.mosaic = BX.mosaic(this.ui.mosaic, (layer, head) => {
        view.choose(this.kind(), layer, head);
        this.say(BX.t('explorer.opened', { where: A.where(layer, head) }));
      });
      this.map = BX.heatmap(this.ui.map, {
        hover: (r, c) => this.light(r, c),
        row: (r) => this.selectAxis('row', r),
        column: (c) => this.selectAxis('column', c),
        // Plotly tells a quick double click before its clicks: then there is nothing to take back.
        undo: () => { if (performance.now() - this.clicked < 2 * QUICK) this.select(this.before); },
        say: (text) => this.say(text),
      });
      this.plotly = BX.script(root.dataset.plotly).then(() => true, (error) => {
        this.ui.fail(BX.t('explorer.not_loaded', { file: error.message }));
        return false;
      });
    }

    listen(port) {
      const { root, view } = this;
      this.silent = false; // while a change of ours is part of drawing
      view.watch((_, changed) => { if (!this.silent) this.follow(changed); });
      port.onValue(() => this.load(port.value()));
      BX.gradio.onTheme(() => this.render());
      new ResizeObserver(BX.coalesce(() => {
        if (root.clientWidth && root.clientWidth !== this.width) this.render();
      })).observe(root);
      new IntersectionObserver(([entry]) => {
        if (entry.isIntersecting && !this.visible) this.refresh();
        this.visible = entry.isIntersecting;
      }).observe(root);
    }

    say(text) { this.ui.live.textContent = text; }

    // ---- the state, as this run has it

    /** The kind of attention looked at: the state's, or the first that was captured. */
    kind() {
      const { map } = this.view.state;
      if (!this.run || this.run.arrays[map]) return map;
      return A.KINDS.find((kind) => this.run.arrays[kind]) || map;
    }
    get selected() { return this.view.state.selected || NOTHING; }

    /** The state in the words of data.js, with the chosen layer and head of the map. */
    look() {
      const { unit, rows, scale, hideSpecial } = this.view.state;
      const kind = this.kind();
      return { kind, words: unit === 'words', by: rows, scale, hideSpecial, room: this.room,
        ...this.view.pick(kind) };
    }

    /** A view of one kind, or null where it was not captured. */
    viewOf(kind, options) {
      if (!this.run.arrays[kind]) return null;
      const { layer, head } = this.view.pick(kind);
      return A.view(this.run, kind, layer, head, { ...this.look(), ...options });
    }

    /** Gives every kind a layer and a head that this run has: the last ones, or those worth opening with. */
    settlePicks() {
      this.view.set({ map: this.kind() }); // one that was captured
      for (const kind of A.KINDS.filter((name) => this.run.arrays[name])) {
        const [L, H] = this.run.arrays[kind].shape;
        const { layer, head } = this.view.pick(kind);
        const exists = (pick, n) => pick !== null && (typeof pick === 'string' || pick < n);
        if (exists(layer, L) && exists(head, H)) continue;
        const opening = A.opening(this.run, kind, this.look());
        this.view.choose(kind, opening.layer, opening.head);
      }
    }

    // ---- what follows from a change

    /** A control was used. Words that turn into pieces take the selection with them. */
    change(patch) {
      const { selected, unit } = this.view.state;
      if (patch.unit && patch.unit !== unit && selected && this.strip) {
        const { line } = selected;
        const now = A.groupsOf(A.outlines(this.run)[line], patch.unit === 'words');
        this.view.set({ ...patch, selected: S.regrouped(selected, this.strip.groups[line], now) });
      } else this.view.set(patch);
    }

    /** The state changed, here or in another widget. */
    follow(changed) {
      const { state } = this.view;
      // 1) another run: opened if it is here, else asked for
      if (changed.has('run') && state.run && state.run !== this.root.dataset.run) {
        this.choose(state.run);
        return;
      }
      // 2) words or pieces: the text lines are made anew
      if (changed.has('unit') && this.run) this.strip = this.strips.build(this.run, state.unit === 'words');
      // 3) only the selection: nothing is drawn anew, both lines and the map mark it
      const fields = ['map', 'layer', 'head', 'unit', 'rows', 'scale', 'hideSpecial', 'measure'];
      if (fields.some((field) => changed.has(field))) this.render();
      else if (changed.has('selected') && this.shown) this.settleSelection();
    }

    settleSelection() {
      this.hovered = null;
      this.say(this.paint());
      this.pin();
    }

    // ---- drawing

    /** Draws all parts from the state. */
    render() {
      const { root, ui } = this;
      this.stale = !root.clientWidth; // a hidden tab has no size: refresh() draws it
      if (!this.run || this.stale) return;
      root.removeAttribute('aria-busy');
      // 1) How much room is there, and which layer and head of each kind?
      this.width = root.clientWidth;
      const rows = this.run.arrays[this.kind()]?.shape[2] || 0;
      this.room = roomFor(ui.map, this.width, rows);
      this.quietly(() => this.settlePicks());
      // 2) The weights of all kinds, for the text lines; of a large run they may have to be fetched first.
      this.views = Object.fromEntries(A.KINDS.map((kind) => [kind, this.viewOf(kind, { hideSpecial: false })]));
      const missing = A.KINDS.map((kind) => this.views[kind]).filter((view) => view?.missing);
      if (missing.length) { this.fetch(missing.map((view) => view.wanted)); return; }
      // 3) The map's own view, and a selection if nobody has chosen one yet.
      const look = this.look();
      this.shown = this.viewOf(look.kind, {});
      this.quietly(() => this.view.set({ shown: this.shown,
        selected: this.view.state.selected || this.decided() }));
      // 4) Controls and notes, text lines, overview; then the map, which waits for Plotly.
      ui.show(this.run, look, this.shown, A.specialMass(this.run, look.kind, look.layer, look.head, look));
      this.paint();
      this.mosaic.draw(this.run, look);
      this.drawMap(look);
    }

    async drawMap(look) {
      const { root, shown } = this;
      const axes = [root.dataset.run, look.kind, look.words, look.hideSpecial].join();
      const keepZoom = axes === this.axes; // another layer, head or scale of the same words
      this.axes = axes;
      if (!await this.plotly) return;
      await this.map.draw(shown, look, this.figure, keepZoom);
      this.pin();
      root.dataset.drawn = 1 + Number(root.dataset.drawn || 0);
    }

    /** Changes the state as a part of drawing: other widgets follow, this one is at it already. */
    quietly(change) {
      this.silent = true;
      try { change(); } finally { this.silent = false; }
    }

    decided() { return S.decided(this.viewOf('cross', { hideSpecial: false, by: 'wrote' })); }

    /** Asks for the maps of a large run that are to be shown; what stands there stays until they come. */
    fetch(wanted) {
      this.root.setAttribute('aria-busy', 'true');
      this.runs.ask(this.root.dataset.run, wanted);
    }

    /** Tints the text lines by what is selected, or else under the mouse, and says it. -> the sentence */
    paint() {
      const { strips, strip, ui, views } = this;
      const look = this.look();
      const now = this.hovered || this.selected;
      const hiddenIn = (line) => (g) => look.hideSpecial && strip.special[line][g];
      const hidden = { source: hiddenIn('source'), output: hiddenIn('output') };
      const found = strips.tint(now, views, look, strip.labels.output.length);
      strips.paint(found, now, hidden, strip.labels, look.scale);
      const parts = now.words.length ? strips.describe(now, found, strip.labels, views, hidden, look.by)
        : [BX.t(look.words ? 'explorer.touch.words' : 'explorer.touch.pieces')];
      BX.tell(ui.told, parts);
      ui.clear.hidden = !this.selected.words.length;
      return BX.plain(parts);
    }

    /** Marks the rows and columns of the map that are selected. */
    pin() {
      const { rows, columns } = S.places(this.shown, this.view.state.rows, this.selected);
      this.map.pin(rows, columns);
    }

    // ---- touching

    /** Selects words; the same ones again put away what the mouse showed. */
    select(next) {
      this.view.set({ selected: { line: next.line, words: [...next.words] } });
    }
    preview(line, g) {
      this.hovered = line && !this.selected.words.length ? { line, words: [g] } : null;
      this.paint();
    }
    /** The map's cursor stands on a cell, or (null) on none: its two words are outlined. */
    light(r, c) {
      if (r == null || !this.shown) { this.strips.light(null); return; }
      const { row, column } = S.wordsOf(this.shown, this.view.state.rows, r, c);
      const marked = { source: [], output: [] };
      marked[row[0]].push(row[1]);
      marked[column[0]].push(column[1]);
      this.strips.light(marked);
    }
    selectAxis(side, index) {
      const at = side === 'row' ? [index, 0] : [0, index];
      const [line, word] = S.wordsOf(this.shown, this.view.state.rows, ...at)[side];
      // A double click may bring both of its clicks first: what it takes back is what stood before them.
      if (performance.now() - this.clicked > QUICK) this.before = this.selected;
      this.clicked = performance.now();
      this.select(S.only(this.selected, line, word));
    }

    // ---- runs that come and go

    /** A value of the server's: the list of runs, perhaps a run, perhaps maps of one.
        @param {import('../contract').ExplorerValue} value */
    load(value) {
      if (!value?.runs) return;
      const { root, ui } = this;
      // 1) what is true of all runs
      root.removeAttribute('aria-busy');
      this.figure = value.figure || this.figure;
      this.warnings = value.warnings || {};
      ui.runs(value.runs, value.run);
      ui.empty(!value.runs.length, value.note);
      // 2) what came
      const { turn, slices } = this.runs.take(value);
      if (slices && value.run === root.dataset.run) this.render();
      // 3) which run is looked at now
      const first = !this.run && this.runs.has(value.run);
      if ((turn || first) && value.run !== root.dataset.run) this.open(value.run);
      else if (this.run) this.stay(value.runs);
    }

    /** The run in view stays, also when one was wanted that is not there any more. */
    stay(list) {
      const { run } = this.root.dataset;
      this.ui.runs(list, run);
      if (this.view.state.run === run) return;
      this.quietly(() => this.view.set({ run }));
      this.render();
    }

    /** Looks at a run that the browser holds. */
    open(id) {
      this.run = this.runs.get(id);
      this.root.dataset.run = id;
      this.ui.warn(this.warnings[id] || []);
      this.hovered = null;
      this.quietly(() => this.view.set({ run: id }));
      this.strip = this.strips.build(this.run, this.view.state.unit === 'words');
      this.render();
    }

    choose(id) {
      if (this.runs.has(id)) { this.open(id); return; }
      this.root.setAttribute('aria-busy', 'true');
      this.runs.ask(id);
    }

    /** The tab came into view: are there new runs, or one that another widget wants to be seen here? */
    refresh() {
      const { wanted } = this.view.state;
      this.view.set({ wanted: '' });
      if (this.runs.has(wanted)) this.open(wanted);
      else if (this.stale) this.render();
      this.runs.ask(wanted || (this.run ? '' : this.view.state.run));
    }
  }

  /** root: the element of the template; view: a BX.view(); port: of BX.gradio.mount. */
  BX.explorer = (root, view, port) => {
    const explorer = new Explorer(root, view, port);
    // What is shown, in numbers: for tests and for the curious at the console.
    root.bxa = {
      map: explorer.map, mosaic: explorer.mosaic, select: (next) => explorer.select(next),
      get state() { return explorer.look(); },
      get run() { return explorer.run; },
      get figure() { return explorer.figure; },
      get view() { return explorer.shown; },
      get views() { return explorer.views; },
      get selected() { return explorer.selected; },
    };
    return explorer;
  };
  BX.widgets.explorer = BX.explorer;
})();
