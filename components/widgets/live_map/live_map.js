/* Owns the live cross-attention beside the output: a canvas that grows by a row with every token. It shows what the
   player publishes in the view state (growing) and answers there with the layer and head chosen (live), the cell
   touched (cell) and the part of a long text chosen (part). */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const ROW = { min: 17, max: 30 };
  const CELL = { min: 15, max: 64 };
  const EDGE = 9; // px left of the first column, for the start of its tilted label; as in live_map.css

  class LiveMap {
    /** root: the element of live_map.html; view: a BX.view(). */
    constructor(root, view) {
      Object.assign(this, { root, view });
      const names = ['scroll', 'cols', 'rows', 'canvas', 'say', 'layer', 'head', 'parts', 'empty', 'ramp'];
      for (const name of names) this[name] = root.querySelector('.bxm-' + name);
      this.ctx = this.canvas.getContext('2d');
      this.picture = { source: [], rows: [], labels: [], focusRow: null, parts: 1 }; // see player/view.js
      this.size = { cw: 20, rh: 22 }; // px of a cell
      this.cell = null;
      this.key = '';
      this.toSee = null; // the row that the next painting scrolls to
      this.draw = BX.coalesce(() => this.paint());
      this.listen();
      this.width = root.clientWidth; // kept, since asking makes the browser lay the page out at once
      if (view.state.growing) this.show(view.state.growing);
    }

    listen() {
      const { root, view, canvas } = this;
      view.watch((state, changed) => { if (changed.has('growing')) this.show(state.growing); });
      view.hear('follow', (row) => this.follow(row));
      const number = (text) => (/^\d+$/.test(text) ? Number(text) : text);
      for (const select of [this.layer, this.head]) {
        select.addEventListener('change', () => view.set({
          live: { layer: number(this.layer.value), head: number(this.head.value) } }));
      }
      this.parts.addEventListener('click', ({ target: { dataset } }) => {
        if (dataset.at) view.set({ part: Number(dataset.at) });
      });
      canvas.addEventListener('pointermove', (e) => this.touch(this.at(e)));
      canvas.addEventListener('pointerdown', (e) => this.touch(this.at(e)));
      canvas.addEventListener('pointerleave', () => this.touch(null));
      canvas.addEventListener('keydown', (e) => this.walk(e));
      canvas.addEventListener('blur', () => this.touch(null));
      BX.gradio.onTheme(() => this.retheme(), true);
      new ResizeObserver(([entry]) => {
        const width = Math.round(entry.contentRect.width);
        if (!width || width === this.width) return;
        this.width = width;
        this.show(this.picture);
      }).observe(root);
    }

    retheme() {
      this.ramp.style.background = BX.gradient();
      this.accent = getComputedStyle(this.root).getPropertyValue('--bx-accent');
      this.lut = Array.from({ length: 256 }, (_, i) => BX.color(i / 255));
      this.draw();
    }

    /** Fills the selects for a model of L layers and H heads. */
    offer({ L, H, live }) {
      const fill = (select, count, value) => {
        if (select.dataset.n !== String(count)) {
          const numbers = Array.from({ length: count }, (_, i) => BX.el('option', { value: i }, String(i + 1)));
          const names = ['mean', 'max'].map((name) => BX.el('option', { value: name }, BX.t(`map.pick.${name}`)));
          select.replaceChildren(...names, ...numbers);
          select.disabled = count < 2;
          select.dataset.n = count;
        }
        select.value = String(value);
      };
      fill(this.layer, L, live.layer);
      fill(this.head, H, live.head);
    }

    /** Shows what the player publishes: {id, source: [Token], labels: [{read, wrote, special}],
        rows: [Float32Array], focusRow, live, L, H, sentence, parts, part}. */
    show(picture) {
      this.picture = picture;
      if (!picture.live) return; // nothing has been published yet
      // 1) what stands around the map
      this.offer(picture);
      BX.tell(this.say, picture.sentence);
      this.showParts(picture);
      this.empty.hidden = picture.source.length > 0;
      this.scroll.hidden = !picture.source.length;
      // 2) columns, for another source or another width only
      const key = `${picture.id} ${picture.source.length} ${this.width}`;
      if (key !== this.key) this.layout(key);
      // 3) rows: those that are new; the canvas at the next frame
      this.labelRows();
      this.root.dataset.rows = picture.rows.length;
      this.draw();
    }

    /** A button for each sentence of a text that was run sentence by sentence. */
    showParts({ parts, part }) {
      this.parts.hidden = parts < 2;
      const key = `${parts} ${part}`;
      if (parts < 2 || this.parts.dataset.key === key) return;
      this.parts.dataset.key = key;
      const buttons = Array.from({ length: parts }, (_, i) => BX.el('button',
        { type: 'button', 'data-at': i, 'aria-pressed': String(i === part) }, String(i + 1)));
      this.parts.replaceChildren(BX.t('live_map.sentence'), ' ', ...buttons);
    }

    layout(key) {
      const { source } = this.picture;
      this.key = key;
      const wide = this.width;
      const labels = wide < 460 ? 84 : 142;
      const cw = Math.floor((wide - labels - 14 - EDGE) / Math.max(1, source.length));
      const longest = Math.max(source.length + 3, 8);
      this.size = {
        cw: Math.max(CELL.min, Math.min(CELL.max, cw)),
        rh: Math.max(ROW.min, Math.min(ROW.max, Math.floor(520 / longest))),
      };
      this.root.style.setProperty('--cw', this.size.cw + 'px');
      this.root.style.setProperty('--rh', this.size.rh + 'px');
      this.root.style.setProperty('--lw', labels + 'px');
      this.root.classList.toggle('narrow', wide < 460);
      const chars = Math.max(...source.map((s) => s.label.length), 1);
      const flat = chars * 7.6 + 6 < this.size.cw;
      this.cols.classList.toggle('tilted', !flat);
      this.cols.style.height = flat ? '24px' : Math.min(96, 18 + Math.min(chars, 14) * 5.4) + 'px';
      this.cols.replaceChildren(...source.map((s) => BX.el('span',
        { class: 'bxm-col' + (s.special ? ' special' : '') }, BX.el('i', {}, s.label))));
      this.rows.replaceChildren();
      this.scroll.scrollTop = 0;
    }

    labelRows() {
      const { labels } = this.picture;
      while (this.rows.childElementCount > labels.length) this.rows.lastElementChild.remove();
      for (let t = this.rows.childElementCount; t < labels.length; t++) {
        const { read, wrote, special } = labels[t];
        const title = BX.t('live_map.row', { read, wrote });
        const look = { class: 'bxm-row' + (special ? ' special' : ''), title };
        this.rows.append(BX.el('span', look,
          BX.el('small', {}, read), BX.el('b', {}, wrote)));
      }
    }

    paint() {
      const { source, rows, focusRow } = this.picture;
      const { cw, rh } = this.size;
      // 1) a canvas of as many device pixels as it takes
      const w = source.length * cw, h = Math.max(1, rows.length) * rh;
      const scale = window.devicePixelRatio || 1;
      this.canvas.style.width = w + 'px';
      this.canvas.style.height = h + 'px';
      this.canvas.width = Math.round(w * scale);
      this.canvas.height = Math.round(h * scale);
      const g = this.ctx;
      g.setTransform(scale, 0, 0, scale, 0, 0);
      // 2) a square a weight
      rows.forEach((row, t) => row.forEach((value, s) => {
        g.fillStyle = this.lut[Math.round(Math.min(1, value) * 255)];
        g.fillRect(s * cw, t * rh, cw - 1, rh - 1);
      }));
      // 3) a frame around what is touched, or the row in view; its labels light up
      const mark = this.cell || (focusRow != null && { row: focusRow, col: -1 });
      if (mark && mark.row < rows.length) {
        g.strokeStyle = this.accent;
        g.lineWidth = 2;
        if (mark.row >= 0) g.strokeRect(1, mark.row * rh, w - 3, rh - 1);
        if (mark.col >= 0) g.strokeRect(mark.col * cw, mark.row * rh, cw - 1, rh - 1);
      }
      [...this.rows.children].forEach((node, t) => node.classList.toggle('lit', !!mark && mark.row === t));
      [...this.cols.children].forEach((node, s) => node.classList.toggle('lit', !!mark && mark.col === s));
      // 4) only now the canvas is as large as it has to be to scroll in it
      if (this.toSee !== null) this.reveal(this.toSee);
      this.toSee = null;
    }

    at(event) {
      const box = this.canvas.getBoundingClientRect();
      const col = Math.floor((event.clientX - box.left) / this.size.cw);
      const row = Math.floor((event.clientY - box.top) / this.size.rh);
      const inside = row >= 0 && row < this.picture.rows.length && col >= 0 && col < this.picture.source.length;
      return inside ? { row, col } : null;
    }

    walk(event) {
      const step = BX.arrow(event);
      if (!step || !this.picture.rows.length) return;
      event.preventDefault();
      const from = this.cell || { row: 0, col: -step[1] };
      const clamp = (v, n) => Math.max(0, Math.min(n - 1, v));
      this.touch({ row: clamp(from.row + step[0], this.picture.rows.length),
        col: clamp(from.col + step[1], this.picture.source.length) });
    }

    /** A cell is touched (or none): the sentence, the frame, and the same words in the text. */
    touch(cell) {
      const same = cell && this.cell && cell.row === this.cell.row && cell.col === this.cell.col;
      if (same || (!cell && !this.cell)) return;
      this.cell = cell;
      this.view.set({ cell });
      this.draw();
    }

    /** A row is written, or rested on: it is scrolled to when it is painted. */
    follow(row) {
      this.toSee = row;
      this.draw();
    }

    /** Scrolls the map itself, never the page, until a row is seen, and what of it is brightest. */
    reveal(row) {
      const { rows } = this.picture;
      if (!rows[row]) return;
      const { cw, rh } = this.size;
      const { scrollTop, scrollLeft, clientHeight, clientWidth } = this.scroll;
      // 1) the row: the column labels stay above it
      const above = this.cols.offsetHeight;
      const under = above + (row + 1) * rh;
      if (row * rh < scrollTop) this.scroll.scrollTop = row * rh;
      if (under > scrollTop + clientHeight) this.scroll.scrollTop = under - clientHeight + 4;
      // 2) its brightest column: the row labels stay left of it
      const left = EDGE + rows[row].indexOf(Math.max(...rows[row])) * cw;
      const room = clientWidth - this.rows.offsetWidth;
      const seen = left >= scrollLeft && left + cw <= scrollLeft + room;
      if (!seen) this.scroll.scrollLeft = left - (room - cw) / 2;
    }
  }

  BX.widgets.live_map = (root, view) => (root.bxm = new LiveMap(root, view));
})();
