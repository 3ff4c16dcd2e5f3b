/* Owns what the player shows at any moment: one render() from its state. player.js acts and then calls it. */
(() => {
  'use strict';
  const BX = window.BX;
  const { ICONS, time, count } = BX.playerTools;
  const icon = (name) => '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">'
    + `<path d="${ICONS[name]}"/></svg>`;

  /** Who looks, by the layer and head of the live map. */
  function looker({ layer, head }) {
    const [l, h] = [layer + 1, head + 1];
    const NAMES = {
      mean: { mean: 'the mean of all layers and heads', max: 'the strongest head, averaged over layers,',
        one: `head ${h}, averaged over layers,` },
      max: { mean: 'the strongest layer, its heads averaged,', max: 'the strongest head of any layer',
        one: `head ${h} of the strongest layer` },
      one: { mean: `layer ${l}, its heads averaged,`, max: `layer ${l}'s strongest head`, one: `layer ${l} head ${h}` },
    };
    const named = (pick) => (typeof pick === 'number' ? 'one' : pick);
    return NAMES[named(layer)][named(head)];
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
      const [name, label] = this.playButton(total);
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

    /** The icon and the label of the button beside the scrubber. */
    playButton(total) {
      if (this.pace === 'step') return ['next', 'Next token'];
      if (this.playing && this.shown < total) return ['pause', 'Pause'];
      if (total && this.shown >= total) return ['again', 'Play again'];
      return ['play', 'Play'];
    },

    renderStatus(state) {
      const text = this.statusText(state);
      if (this.statusEl.textContent !== text) this.statusEl.textContent = text;
      const still = !['streaming', 'paused', 'drafting'].includes(state);
      const spoken = still ? `${text} ${state === 'finished' ? this.outputText() : ''}` : '';
      if (this.liveEl.textContent !== spoken) this.liveEl.textContent = spoken;
      this.statsEl.textContent = this.statsText(state);
    },

    statusText(state) {
      if (state === 'waiting') {
        const place = BX.gradio.queuePlace();
        if (!place) return 'Waiting for the model…';
        return `Waiting for the model: place ${place[0]} of ${place[1]} in the queue.`;
      }
      if (this.message) return this.message.message;
      if (!this.value) return 'Write a sentence and press Run.';
      const { stats, segments } = this.value;
      const draft = segments.at(-1).draft;
      if (state === 'drafting') {
        const score = (draft.score ?? 0).toFixed(2);
        return `Draft: step ${draft.step}, ${count(stats.beams, 'beam')}, score ${score}`;
      }
      if (this.older()) return `Written before, by “${stats.model}”. Press Run for what is chosen now.`;
      if (state === 'streaming') return 'Writing…';
      if (state === 'paused') return this.pace === 'step'
        ? `Token ${this.shown} of ${this.flat.length}: the space bar or the button writes the next.`
        : `Paused at token ${this.shown} of ${this.flat.length}.`;
      if (state === 'stopped') return this.stoppedText();
      const reasons = segments.map((s) => s.finish);
      if (reasons.includes('length')) {
        const more = stats.limit < stats.most ? '; raise it under Decoding' : ', the most there is';
        return `Finished: the limit of ${count(stats.limit, 'token')} was reached${more}.`;
      }
      return 'Finished: the model wrote its end token.';
    },

    stoppedText() {
      const at = this.cut ? this.cutAt : this.flat.length;
      const rest = this.flat.length - at;
      if (!at) return 'Stopped before the first token.';
      return `Stopped after ${count(at, 'token')}.`
        + (rest > 0 ? ` ${rest} more had been written; play on to see them.` : '');
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
      const how = stats.beams > 1 ? count(stats.beams, 'beam') : stats.settings.split(',')[0];
      const parts = [stats.model, how];
      if (n) parts.push(count(n, 'token'));
      if (n && stats.seconds) parts.push(`${this.rate(n / stats.seconds)} tokens/s`);
      if (stats.first != null) parts.push(`first after ${time(stats.first)}`);
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
        const read = f.row ? this.flat[i - 1].token.label : 'start';
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
      const word = ({ token }) => ({ token: token.label });
      const who = looker(this.live(this.value.segments[partAt].shape || [1, 1]));
      if (t && t.line === 'source') {
        const s = this.sources[t.index];
        const seen = this.flat.slice(0, this.shown).map((f, i) => [f, (f.at === s.at && this.row(i)) || []])
          .map(([f, row]) => [f, row[s.i] || 0]).sort((a, b) => b[1] - a[1])[0];
        return seen ? [word(s), ' is looked at most for writing ', word(seen[0]),
          `: ${BX.percent(seen[1])} by ${who}.`] : [];
      }
      const row = entry && entry.at === partAt ? this.row(this.flat.indexOf(entry)) : null;
      if (!row) return [];
      const { source } = this.heads[partAt];
      const col = t && t.line === 'map' ? t.col : row.indexOf(Math.max(...row));
      const read = entry.row ? word(this.flat[this.flat.indexOf(entry) - 1]) : 'the start token';
      return ['Read ', read, ', wrote ', word(entry),
        `: ${who} looks ${BX.percent(row[col])} at `, { token: source.tokens[col].label }, '.'];
    },
  });

  // The newest player of the page, for tests and for the curious at the console.
  BX.widgets.player = (root, view, port) => {
    root.bxp = new BX.Player(root, view, port);
    BX.player = root.bxp;
    return root.bxp;
  };
})();
