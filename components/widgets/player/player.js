/* Owns the player: it plays what the server streamed, at a readable pace. This file holds what it does (values,
   playback, touching), view.js what it shows, text.js the lines of words. Values come whole: the contract's
   PlayerValue. The map beside the words is another widget; both meet in the view state (live, growing, cell, part). */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const BEAT = 125; // ms a token at the readable pace
  const ICONS = {
    play: 'M4 2.5v11l9-5.5z', pause: 'M4 2.5h3v11H4zM9 2.5h3v11H9z',
    again: 'M8 2a6 6 0 1 0 5.7 4.2l-1.5.5A4.4 4.4 0 1 1 8 3.6V6l4-3.2L8 0z',
    next: 'M3 2.5v11l7-5.5zM11 2.5h2v11h-2z',
  };
  const time = (s) => (s == null ? '' : s < 0.0995 ? `${(1000 * s).toFixed(s < 0.00995 ? 1 : 0)}\u00a0ms`
    : s < 1 ? `${(1000 * s).toFixed(0)}\u00a0ms` : `${s.toFixed(s < 10 ? 2 : 1)}\u00a0s`);

  class Player {
    /** root: the element of player.html; view: a BX.view(); port: of BX.gradio.mount. */
    constructor(root, view, port) {
      Object.assign(this, { root, view, port });
      this.value = null; // the newest with a run in it
      this.message = null; // a newer one without: what stood there stays
      this.shown = 0;
      this.playing = false;
      this.cut = false; // the visitor pressed Stop
      this.pending = false; // Run was pressed, nothing has come yet
      this.pace = 'readable';
      this.touched = null; // {line: 'source'|'output'|'map', ...}
      this.flat = []; // all tokens of all segments, in their order
      this.heads = []; // the contract's RunHead of each segment
      this.sources = []; // all tokens of all sources
      this.weights = new Map(); // index in flat -> its row of the live map
      this.mapAt = 0; // the segment that the live map shows
      this.build();
      this.listen();
      this.setPace(this.pace);
      this.take(port.value());
    }

    build() {
      const { root } = this;
      for (const name of ['notes', 'source', 'output', 'inspect', 'play', 'scrub', 'count', 'pace', 'status',
        'stats', 'open', 'live', 'copy']) this[name + 'El'] = root.querySelector('.bxp-' + name);
      this.source = new BX.SourceLine(this.sourceEl, { onTouch: (i) => this.touch('source', i) });
      this.output = new BX.OutputLine(this.outputEl, { onTouch: (i) => this.touch('output', i) });
      this.playEl.addEventListener('click', () => this.pressPlay());
      this.scrubEl.addEventListener('input', () => this.scrub(+this.scrubEl.value));
      this.paceEl.addEventListener('click', ({ target: { dataset } }) => dataset.pace && this.setPace(dataset.pace));
      this.paceEl.addEventListener('keydown', (e) => this.walkPace(e));
      this.openEl.addEventListener('click', () => this.openRun());
      this.copyEl.addEventListener('click', () => this.copy());
    }

    listen() {
      const { view, port } = this;
      port.onValue(() => this.take(port.value()));
      for (const moment of ['begin', 'stop', 'fail', 'choose']) view.hear(moment, (data) => this[moment](data));
      view.watch((state, changed) => {
        if (changed.has('live')) this.liveChanged();
        if (changed.has('part')) this.partTouched(state.part);
        if (changed.has('cell')) this.cellTouched(state.cell);
      });
      BX.gradio.onTheme(() => this.render());
      document.addEventListener('keydown', (e) => this.key(e));
    }

    /** The run in view is to be seen in the explorer, which asks for it when it comes into view. */
    openRun() {
      const run = this.segmentAt(this.current())?.run;
      if (!run) return;
      this.view.set({ wanted: run });
      this.port.send('open_run', { run });
    }

    // ---- what comes in

    /** A new value from the server.
        @param {import('../contract').PlayerValue} value */
    take(value) {
      if (!value || !value.state) return;
      const fresh = !this.value || value.id !== this.value.id;
      if (!value.segments.length) { // a message: what stood there stays
        this.giveUp(value);
        return;
      }
      this.pending = false;
      this.message = null;
      if (fresh) this.reset(value);
      this.value = value;
      this.flatten();
      if (fresh && (!value.play || value.state === 'stopped')) this.shown = this.flat.length;
      else if (this.pace === 'live' && this.playing) this.shown = this.flat.length;
      else if (this.pace === 'step' && !this.shown && this.flat.length && value.play) this.shown = 1;
      this.render();
      this.beat();
    }

    reset(value) {
      this.shown = 0;
      this.flat = [];
      this.view.set({ part: null });
      this.cut = false;
      this.playing = value.play && value.state !== 'stopped' && this.pace !== 'step';
      this.weights.clear();
      this.touched = null;
      this.output.clear();
      this.sourceKey = '';
    }

    /** All tokens in one list, with where each stands; every text is parsed once. */
    flatten() {
      let n = 0;
      this.value.segments.forEach((segment, at) => {
        segment.tokens.forEach((text, row) => {
          const known = this.flat[n];
          if (!known || known.json !== text || known.at !== at) {
            this.flat[n] = { token: JSON.parse(text), json: text, at, row, first: row === 0 };
            this.weights.delete(n);
          }
          n++;
        });
      });
      this.flat.length = n;
      this.heads = this.value.segments.map(({ head }, at) => (this.heads[at]?.json === head ? this.heads[at]
        : { json: head, ...JSON.parse(head) }));
      this.sources = this.heads.flatMap(({ source }, at) => source.tokens.map(
        (token, i) => ({ token, at, i, first: i === 0 })));
    }

    /** Run was pressed: before the server answers. */
    begin() {
      if (this.serverBusy()) return;
      this.view.set({ wanted: '' }); // the new run is what there will be to see
      this.pending = true;
      this.cut = false;
      this.message = null;
      this.playing = false;
      clearTimeout(this.timer);
      clearInterval(this.patience);
      this.patience = setInterval(() => (this.pending ? this.render() : clearInterval(this.patience)), 400);
      this.render();
    }

    /** Stop was pressed (or Esc): playback ends here; the server is told by the button's own event. */
    stop() {
      if (this.pending) { // nothing had come: what stood there stays
        this.giveUp({ state: 'idle', message: BX.t('player.stopped_early') });
        return;
      }
      this.cut = true;
      this.cutAt = this.shown;
      this.pending = false;
      this.playing = false;
      clearTimeout(this.timer);
      this.render();
    }

    /** The server gave up without a word of its own (the event failed). */
    fail() {
      if (!this.pending && !this.serverBusy()) return;
      const why = this.pending ? 'player.not_taken' : 'player.not_finished';
      this.giveUp({ state: 'error', message: BX.t(why) });
    }

    /** A run ends with a message. kept: nothing of it had come, so an earlier run is what stands there. */
    giveUp({ state, message }) {
      this.message = { state, message, kept: this.pending && !!this.value };
      this.pending = false;
      this.playing = false;
      if (this.value && this.value.state === 'streaming') this.value = { ...this.value, state: 'stopped' };
      this.render();
    }

    /** A checkpoint was chosen: a run of another one is no answer to it. */
    choose(name) {
      this.chosen = name;
      this.render();
    }

    /** Whether the run in view was written by another checkpoint than the chosen one. */
    older() {
      const written = this.value && this.value.stats && this.value.stats.checkpoint;
      return !!(this.chosen && written && written !== this.chosen && !this.serverBusy());
    }

    serverBusy() { return this.pending || (!this.cut && !!this.value && this.value.state === 'streaming'); }
    busy() { return this.serverBusy() || (this.playing && this.shown < this.flat.length); }

    // ---- playback

    beat() {
      clearTimeout(this.timer);
      if (!this.playing || this.pace !== 'readable' || this.shown >= this.flat.length) return this.settle();
      this.timer = setTimeout(() => { this.show(this.shown + 1); this.beat(); }, this.shown ? BEAT : 0);
    }

    settle() {
      if (this.playing && this.value && this.value.state !== 'streaming' && this.shown >= this.flat.length) {
        this.playing = false;
        this.render();
        this.view.tell('follow', this.flat[this.current()]?.row ?? 0); // the row that it rests on
      }
    }

    show(n) {
      this.shown = Math.max(0, Math.min(this.flat.length, n));
      this.render();
      if (this.shown) this.view.tell('follow', this.flat[this.shown - 1].row);
    }

    scrub(n) {
      this.playing = false;
      if (this.value.state !== 'streaming') this.cut = false;
      this.show(n);
    }

    pressPlay() {
      this.cut = false;
      this.message = null;
      if (this.pace === 'step') {
        this.show(this.shown >= this.flat.length ? 1 : this.shown + 1);
      } else if (this.playing) {
        this.playing = false;
        clearTimeout(this.timer);
        this.render();
      } else {
        if (this.shown >= this.flat.length) this.show(0);
        this.playing = true;
        if (this.pace === 'live') this.show(this.flat.length);
        this.beat();
        this.render();
      }
    }

    setPace(pace) {
      this.pace = pace;
      for (const button of this.paceEl.children) {
        const on = button.dataset.pace === pace;
        button.setAttribute('aria-checked', on);
        button.tabIndex = on ? 0 : -1;
      }
      if (pace === 'live' && this.playing) this.shown = this.flat.length;
      if (pace === 'step') this.playing = false;
      else if (this.value && !this.cut && this.value.play && this.shown < this.flat.length) {
        this.playing = true;
      }
      this.render();
      this.beat();
    }

    walkPace(event) {
      const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const all = [...this.paceEl.children];
      const to = all[(all.findIndex((b) => b.dataset.pace === this.pace) + step + all.length) % all.length];
      this.setPace(to.dataset.pace);
      to.focus();
    }

    key(event) {
      if (event.key === 'Escape' && this.busy()) BX.gradio.pressStop();
      const typing = event.target.closest
        && event.target.closest('input, textarea, select, button, [contenteditable], [role="button"]');
      const here = this.root.offsetParent && this.flat.length;
      if (event.key === ' ' && this.pace === 'step' && !typing && here) {
        event.preventDefault();
        this.pressPlay();
      }
    }

    copy() {
      navigator.clipboard.writeText(this.outputText(this.shown)).then(() => {
        this.copyEl.classList.add('done');
        setTimeout(() => this.copyEl.classList.remove('done'), 1400);
      }, () => { this.statusEl.textContent = BX.t('player.no_copy'); });
    }

    // ---- touching

    touch(line, index) {
      this.touched = index < 0 ? null : { line, index };
      this.render();
    }

    cellTouched(cell) {
      this.touched = cell ? { line: 'map', ...cell } : null;
      this.render();
    }

    partTouched(part) {
      if (part === null) return; // we let go of it ourselves
      this.touched = null;
      this.render();
    }

    /** Another layer or head of the live map. */
    liveChanged() {
      this.weights.clear();
      this.render();
    }

    /** The flat index of the token in view: the touched one, the last one shown, or the one to rest on. */
    current() {
      const t = this.touched;
      if (t && t.line === 'output') return Math.min(t.index, this.shown - 1);
      if (t && t.line === 'map') return this.flat.findIndex((f) => f.at === this.mapAt && f.row === t.row);
      const moving = this.shown < this.flat.length || (this.busy() && !this.pending) || this.cut;
      return moving ? this.shown - 1 : this.resting();
    }

    /** A finished run rests on its longest token: the end token looks everywhere and says little. */
    resting() {
      const { part } = this.view.state;
      let best = -1, length = 0;
      this.flat.forEach(({ token, at }, i) => {
        if (part !== null && at !== part) return;
        const size = (token.adds || '').trim().length;
        if (!token.special && size > length) [best, length] = [i, size];
      });
      return best < 0 ? this.shown - 1 : best;
    }

    segmentAt(flatIndex) {
      const at = this.flat[flatIndex] ? this.flat[flatIndex].at : 0;
      return this.value && this.value.segments[at];
    }

    /** The layer and head of the live map that a model of this shape has. */
    live([L, H]) {
      const { layer, head } = this.view.state.live;
      const known = (pick, n) => pick === 'max' || pick < n;
      return { layer: known(layer, L) ? layer : 'mean', head: known(head, H) ? head : 'mean' };
    }

    /** Weights over its own source of one token, by the chosen layer and head; null without attention. */
    row(flatIndex) {
      const entry = this.flat[flatIndex];
      if (!entry || !entry.token.cross) return null;
      if (!this.weights.has(flatIndex)) {
        const [L, H, S] = this.value.segments[entry.at].shape;
        const { layer, head } = this.live([L, H]);
        const packed = { L, H, R: 1, C: S, data: BX.u16(entry.token.cross) };
        this.weights.set(flatIndex, BX.aggregate(packed, layer, head, 65535));
      }
      return this.weights.get(flatIndex);
    }
  }

  BX.Player = Player;
  BX.playerTools = { ICONS, time };
})();
