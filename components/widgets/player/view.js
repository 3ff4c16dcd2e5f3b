/* What the player shows at any moment: one render() from its state. Split from player.js, which acts. */
(() => {
  'use strict';
  const BX = window.BX;
  const { ICONS, time, count } = BX.playerTools;
  const icon = (name) => '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">'
    + `<path d="${ICONS[name]}"/></svg>`;

  Object.assign(BX.Player.prototype, {
    render() {
      if (!this.root) return;
      const actions = document.getElementById('bx-actions');
      if (actions) actions.classList.toggle('busy', this.busy());
      const examples = document.getElementById('bx-examples');
      if (examples) examples.inert = this.serverBusy(); // a second run would write over the first
      const state = this.stateName();
      const { shown, pace } = this;
      Object.assign(this.root.dataset, { state, shown, total: this.flat.length, pace });
      this.root.toggleAttribute('data-older', this.older());
      this.renderStatus(state);
      if (this.value) {
        this.renderText(state);
        this.renderTints();
        this.renderTransport(state);
        this.renderMap();
      }
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
      const key = this.value.id + ':' + this.pieces.length;
      if (key !== this.sourceKey) {
        this.source.fill(this.pieces);
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
      BX.alternatives(this.inspectEl, at >= 0 && this.flat[at] ? this.flat[at].step : null, at);
    },

    /** Tints both lines: a token lights the words it looked at, a word the tokens that looked at it. */
    renderTints() {
      const t = this.touched;
      const column = t && (t.line === 'source' || t.line === 'map') ? this.sourceTouched(t) : null;
      const at = this.current();
      const row = this.flat[at] ? this.row(at) : null;
      const backward = t && t.line === 'source';
      if (backward) {
        this.output.tint((i) => (this.flat[i].at === column.at ? (this.row(i) || [])[column.i] || 0 : 0));
        this.source.tint(null);
      } else {
        this.output.tint(null);
        const offset = row ? this.pieces.findIndex((p) => p.at === this.flat[at].at) : 0;
        this.source.tint(row && ((i) => {
          const p = this.pieces[i];
          return p.at === this.flat[at].at ? row[i - offset] : 0;
        }));
      }
      this.output.mark(backward ? -1 : at);
      this.source.mark(column ? this.pieces.findIndex((p) => p.at === column.at && p.i === column.i) : -1);
    },

    sourceTouched(t) {
      if (t.line === 'source') return this.pieces[t.index] || null;
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
      const [name, label] = this.pace === 'step' ? ['next', 'Next token']
        : this.playing && this.shown < total ? ['pause', 'Pause']
          : this.shown >= total && total ? ['again', 'Play again'] : ['play', 'Play'];
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
        const place = this.place();
        return place ? `Waiting for the model: ${place}.` : 'Waiting for the model…';
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
      const text = ({ step, first }) => (first ? ` ${step.t.trimStart()}` : step.t);
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

    renderMap() {
      if (!this.map) return;
      const at = this.current();
      const entry = this.flat[at];
      if (this.busy() || (this.touched && this.touched.line !== 'map')) this.part = null;
      const partAt = this.part ?? (entry ? entry.at : Math.max(0, this.value.segments.length - 1));
      this.mapAt = partAt;
      const segment = this.value.segments[partAt];
      const shape = segment.shape || [1, 1, segment.source.length];
      this.map.offer(shape[0], shape[1]);
      const rows = [], labels = [];
      this.flat.forEach((f, i) => {
        if (f.at !== partAt || i >= this.shown) return;
        const before = f.row ? BX.show(this.flat[i - 1].step.p) : 'start';
        labels.push({ read: before, wrote: BX.show(f.step.p), x: f.step.x });
        rows.push(this.row(i) || new Float32Array(segment.source.length));
      });
      const backward = this.touched && this.touched.line === 'source';
      this.focusRow = entry && entry.at === partAt && !backward ? entry.row : null;
      const source = segment.source.map((piece) => ({ label: BX.show(piece), x: BX.isSpecial(piece) }));
      this.map.show({ id: `${this.value.id}:${partAt}`, source, rows, labels });
      this.map.say.replaceChildren(...this.sentence(entry, partAt));
      this.renderParts(partAt);
    },

    renderParts(partAt) {
      const n = this.value.segments.length;
      this.map.parts.hidden = n < 2;
      if (n < 2 || this.map.parts.dataset.key === `${n} ${partAt}`) return;
      this.map.parts.dataset.key = `${n} ${partAt}`;
      this.map.parts.replaceChildren('sentence ', ...this.value.segments.map((_, i) => BX.el('button',
        { type: 'button', 'data-at': i, 'aria-pressed': String(i === partAt) }, String(i + 1))));
    },

    /** The touched (or newest) row as a sentence, in pieces for the page. */
    sentence(entry, partAt) {
      const t = this.touched;
      const word = (piece) => {
        const label = BX.show(piece);
        return BX.el('b', {}, /[\p{L}\p{N}]/u.test(label) ? label : `“${label}”`);
      };
      if (t && t.line === 'source') {
        const s = this.pieces[t.index];
        const seen = this.flat.slice(0, this.shown).map((f, i) => [f, (f.at === s.at && this.row(i)) || []])
          .map(([f, row]) => [f, row[s.i] || 0]).sort((a, b) => b[1] - a[1])[0];
        return seen ? [word(s.piece), ' is looked at most for writing ', word(seen[0].step.p),
          `: ${BX.percent(seen[1])} by ${this.looker()}.`] : [];
      }
      const row = entry && entry.at === partAt ? this.row(this.flat.indexOf(entry)) : null;
      if (!row) return [];
      const { source } = this.value.segments[partAt];
      const col = t && t.line === 'map' ? t.col : row.indexOf(Math.max(...row));
      const read = entry.row ? word(this.flat[this.flat.indexOf(entry) - 1].step.p) : 'the start token';
      return ['Read ', read, ', wrote ', word(entry.step.p),
        `: ${this.looker()} looks ${BX.percent(row[col])} at `, word(source[col]), '.'];
    },

    /** Who looks, by the chosen layer and head. */
    looker() {
      const [layer, head] = this.map.choice;
      const l = +layer + 1, h = +head + 1;
      if (layer === 'mean') return head === 'mean' ? 'the mean of all layers and heads'
        : head === 'max' ? 'the strongest head, averaged over layers,' : `head ${h}, averaged over layers,`;
      if (layer === 'max') return head === 'mean' ? 'the strongest layer, its heads averaged,'
        : head === 'max' ? 'the strongest head of any layer' : `head ${h} of the strongest layer`;
      return head === 'mean' ? `layer ${l}, its heads averaged,`
        : head === 'max' ? `layer ${l}'s strongest head` : `layer ${l} head ${h}`;
    },
  });

  BX.player = BX.player || new BX.Player();
})();
