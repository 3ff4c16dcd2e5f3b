/* Owns what the player shows at any moment: one render() from its state. player.js acts and then calls it. */
(() => {
  'use strict';
  const BX = window.BX;
  const { ICONS, time } = BX.playerTools;
  const icon = (name) => '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">'
    + `<path d="${ICONS[name]}"/></svg>`;

  /** Who looks, by the layer and head of the live map. */
  function looker({ layer, head }) {
    const named = (pick) => (typeof pick === 'number' ? 'one' : pick);
    return BX.t(`player.looker.${named(layer)}.${named(head)}`, { layer: layer + 1, head: head + 1 });
  }

  Object.assign(BX.Player.prototype, {
    render() {
      // 1) the buttons outside
      BX.gradio.runButtons({ busy: this.busy(), taken: this.serverBusy() });
      // 2) the state in one word, for styles and for tests, and in a sentence
      const state = this.stateName();
      const { shown, pace } = this;
      Object.assign(this.root.dataset, { state, shown, total: this.flat.length, pace });
      this.root.toggleAttribute('data-older', this.older());
      this.root.toggleAttribute('data-kept', !!this.message?.kept);
      this.renderStatus(state);
      if (!this.value) return;
      // 3) both lines of words, then their colours by what is touched
      this.renderText(state);
      this.renderTints();
      // 4) the scrubber and its button
      this.renderTransport(state);
      // 5) what the map beside them is to show
      this.renderMap();
    },

    stateName() {
      if (this.pending) return 'waiting';
      if (this.message) return this.message.state;
      if (!this.value) return 'idle';
      if (this.cut) return 'stopped';
      const draft = this.value.segments.at(-1).draft;
      const more = this.shown < this.flat.length;
      if (this.value.state === 'streaming') return draft && !more ? 'drafting' : 'streaming';
      if (more) return this.playing ? 'streaming' : 'paused';
      return this.value.state;
    },

    renderText(state) {
      const key = this.value.id + ':' + this.sources.length;
      if (key !== this.sourceKey) {
        this.source.fill(this.sources);
        this.sourceKey = key;
      }
      const draft = this.value.segments.at(-1).draft;
      if (state === 'drafting' && !this.flat.length) this.output.draft(draft.text);
      else {
        if (!this.output.tokens.length && this.shown) this.output.clear();
        this.output.sync(this.flat, this.shown);
      }
      this.outputEl.classList.toggle('caret', state === 'streaming');
      const notes = this.value.notes.join('\n');
      if (this.notesEl.dataset.said !== notes) {
        this.notesEl.dataset.said = notes;
        this.notesEl.replaceChildren(...this.value.notes.map((note) => BX.el('p', {}, note)));
        this.notesEl.hidden = !notes;
      }
      const at = this.current();
      BX.alternatives(this.inspectEl, this.flat[at]?.token || null, at);
    },

    /** Tints both lines: a token lights the words it looked at, a word the tokens that looked at it. */
    renderTints() {
      // 1) what is touched: a word of the source, or a token (the one in view if none is)
      const t = this.touched;
      const column = t && (t.line === 'source' || t.line === 'map') ? this.sourceTouched(t) : null;
      const at = this.current();
      const row = this.flat[at] ? this.row(at) : null;
      const backward = t && t.line === 'source';
      // 2) the other line gets the colours, 3) what is touched a frame
      if (backward) {
        this.output.tint((i) => (this.flat[i].at === column.at ? (this.row(i) || [])[column.i] || 0 : 0));
        this.source.tint(null);
      } else {
        this.output.tint(null);
        const offset = row ? this.sources.findIndex((p) => p.at === this.flat[at].at) : 0;
        this.source.tint(row && ((i) => {
          const p = this.sources[i];
          return p.at === this.flat[at].at ? row[i - offset] : 0;
        }));
      }
      this.output.mark(backward ? -1 : at);
      this.source.mark(column ? this.sources.findIndex((p) => p.at === column.at && p.i === column.i) : -1);
    },

    sourceTouched(t) {
      if (t.line === 'source') return this.sources[t.index] || null;
      return { at: this.mapAt, i: t.col };
    },

    renderTransport(state) {
      const total = this.flat.length;
      this.scrubEl.max = total;
      this.scrubEl.value = this.shown;
      this.scrubEl.disabled = !total;
      this.scrubEl.style.setProperty('--done', total ? this.shown / total : 0);
      const more = this.value.state === 'streaming' && !this.cut;
      this.countEl.textContent = `${this.shown} / ${total}${more ? '…' : ''}`;
      const name = this.playButton(total);
      const label = BX.t(`player.button.${name}`);
      if (this.playEl.dataset.icon !== name) {
        this.playEl.innerHTML = icon(name); // constants of this file
        this.playEl.dataset.icon = name;
      }
      this.playEl.setAttribute('aria-label', label);
      this.playEl.title = label;
      this.playEl.disabled = !total;
      const segment = this.segmentAt(this.current());
      this.openEl.hidden = !(segment && segment.run) || state === 'waiting';
    },

    /** The name of the button beside the scrubber: of its icon and its label. */
    playButton(total) {
      if (this.pace === 'step') return 'next';
      if (this.playing && this.shown < total) return 'pause';
      if (total && this.shown >= total) return 'again';
      return 'play';
    },

    renderStatus(state) {
      const text = this.statusText(state);
      const message = this.message?.message || '';
      // A message stands at the button that was pressed; here stands what the words beside it are.
      BX.gradio.sayAtRun(message, state);
      if (this.statusEl.textContent !== text) this.statusEl.textContent = text;
      const still = !['streaming', 'paused', 'drafting'].includes(state);
      const spoken = still ? `${message || text} ${state === 'finished' ? this.outputText() : ''}` : '';
      if (this.liveEl.textContent !== spoken) this.liveEl.textContent = spoken;
      this.statsEl.textContent = this.statsText(state);
    },

    statusText(state) {
      if (state === 'waiting') {
        const place = BX.gradio.queuePlace();
        if (!place) return BX.t('player.waiting');
        return BX.t('player.queued', { place: place[0], count: place[1] });
      }
      if (this.message?.kept) return BX.t('player.kept');
      if (!this.value) return BX.t('player.idle');
      const { stats, segments } = this.value;
      const draft = segments.at(-1).draft;
      if (state === 'drafting') {
        const score = (draft.score ?? 0).toFixed(2);
        return BX.t('player.drafting', { step: draft.step, beams: BX.t('player.beams', { n: stats.beams }), score });
      }
      if (this.older()) return BX.t('player.older', { model: stats.model });
      if (state === 'streaming') return BX.t('player.writing');
      const far = { shown: this.shown, total: this.flat.length };
      if (state === 'paused') return BX.t(this.pace === 'step' ? 'player.step' : 'player.paused', far);
      if (state === 'stopped' || this.message) return this.stoppedText();
      const reasons = segments.map((s) => s.finish);
      if (reasons.includes('length')) {
        const tokens = BX.t('player.tokens', { n: stats.limit });
        return BX.t(stats.limit < stats.most ? 'player.limit' : 'player.limit_most', { tokens });
      }
      return BX.t('player.finished');
    },

    stoppedText() {
      const at = this.cut ? this.cutAt : this.flat.length;
      const rest = this.flat.length - at;
      if (!at) return BX.t('player.stopped_first');
      const tokens = BX.t('player.tokens', { n: at });
      return BX.t(rest > 0 ? 'player.stopped_rest' : 'player.stopped', { tokens, rest });
    },

    /** The text of the first n tokens, the answers of several sentences joined by a space. */
    outputText(n = this.flat.length) {
      const text = ({ token: { adds = '' }, first }) => (first ? ` ${adds.trimStart()}` : adds);
      return this.flat.slice(0, n).map(text).join('').trim();
    },

    statsText(state) {
      if (!this.value || state === 'waiting' || this.message) return '';
      const { stats } = this.value;
      const n = this.flat.length;
      const parts = [stats.model, stats.how];
      if (n) parts.push(BX.t('player.tokens', { n }));
      if (n && stats.seconds) parts.push(BX.t('player.rate', { rate: this.rate(n / stats.seconds) }));
      if (stats.first != null) parts.push(BX.t('player.first', { time: time(stats.first) }));
      parts.push(`${stats.device} ${stats.dtype}`);
      return parts.join(' · ');
    },

    rate(value) { return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en'); },

    /** Publishes what the live map shows: the rows of one segment, as far as they are written. */
    renderMap() {
      const { value, touched, view } = this;
      const at = this.current();
      const entry = this.flat[at];
      // 1) Which segment? The one chosen, as long as nothing else is touched or written; else the one in view.
      if (view.state.part !== null && (this.busy() || (touched && touched.line !== 'map'))) view.set({ part: null });
      const partAt = view.state.part ?? (entry ? entry.at : Math.max(0, value.segments.length - 1));
      this.mapAt = partAt;
      const segment = value.segments[partAt];
      const source = this.heads[partAt].source.tokens;
      const shape = segment.shape || [1, 1, source.length];
      // 2) Its rows: a label and the weights of each token shown.
      const rows = [], labels = [];
      this.flat.forEach((f, i) => {
        if (f.at !== partAt || i >= this.shown) return;
        const read = f.row ? this.flat[i - 1].token.label : BX.t('player.start');
        labels.push({ read, wrote: f.token.label, special: f.token.special });
        rows.push(this.row(i) || new Float32Array(source.length));
      });
      // 3) The row that is framed, unless a source word was touched: that is a column's question.
      const backward = touched && touched.line === 'source';
      const focusRow = entry && entry.at === partAt && !backward ? entry.row : null;
      view.set({ growing: {
        id: `${value.id}:${partAt}`, source, rows, labels, focusRow, live: this.live(shape), L: shape[0], H: shape[1],
        sentence: this.sentence(entry, partAt), parts: value.segments.length, part: partAt,
      } });
    },

    /** The touched (or newest) row as a sentence, in parts. */
    sentence(entry, partAt) {
      const t = this.touched;
      const word = ({ token }) => token.label;
      const who = looker(this.live(this.value.segments[partAt].shape || [1, 1]));
      if (t && t.line === 'source') {
        const s = this.sources[t.index];
        const seen = this.flat.slice(0, this.shown).map((f, i) => [f, (f.at === s.at && this.row(i)) || []])
          .map(([f, row]) => [f, row[s.i] || 0]).sort((a, b) => b[1] - a[1])[0];
        if (!seen) return [];
        const [most, share] = seen;
        return BX.parts('player.says_source', { source: word(s), wrote: word(most), share: BX.percent(share), who });
      }
      const row = entry && entry.at === partAt ? this.row(this.flat.indexOf(entry)) : null;
      if (!row) return [];
      const { source } = this.heads[partAt];
      const col = t && t.line === 'map' ? t.col : row.indexOf(Math.max(...row));
      const values = { wrote: word(entry), who, share: BX.percent(row[col]), column: source.tokens[col].label };
      if (!entry.row) return BX.parts('player.says_start', values);
      return BX.parts('player.says', { ...values, read: word(this.flat[this.flat.indexOf(entry) - 1]) });
    },
  });

  // The newest player of the page, for tests and for the curious at the console.
  BX.widgets.player = (root, view, port) => {
    root.bxp = new BX.Player(root, view, port);
    BX.player = root.bxp;
    return root.bxp;
  };
})();
